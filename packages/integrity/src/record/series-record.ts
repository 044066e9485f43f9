import { united } from './fold.ts';

/** What the instances of one series say of it: values as they came, different ones only, bounded. */
export interface SeriesRecord {
  readonly uid: string;
  readonly modalities: readonly string[];
  readonly framesOfReference: readonly string[];
  /** Number of Series Related Instances (0020,1209). */
  readonly seriesRelated: readonly number[];
  /** Cardiac Number of Images (0018,1090). */
  readonly cardiacImages: readonly number[];
  /** PET: Number of Slices times the frames in time that are stated. */
  readonly petImages: readonly number[];
  /** Acquisition Number, Images in Acquisition, Number of Temporal Positions, with a space between; `-` where absent. */
  readonly acquisitions: readonly string[];
  /** Other studies that have a series of this UID. */
  readonly elsewhere: readonly string[];
}

export const maxElsewhere = 8;
const maxValues = 8;
const maxAcquisitions = 512;

export function emptySeries(uid: string): SeriesRecord {
  return {
    ...{ uid, modalities: [], framesOfReference: [], seriesRelated: [], cardiacImages: [], petImages: [], acquisitions: [], elsewhere: [] },
  };
}

export function mergeSeries(one: SeriesRecord, other: SeriesRecord): SeriesRecord {
  return {
    uid: one.uid,
    modalities: united(one.modalities, other.modalities, maxValues),
    framesOfReference: united(one.framesOfReference, other.framesOfReference, maxValues),
    seriesRelated: united(one.seriesRelated, other.seriesRelated, maxValues),
    cardiacImages: united(one.cardiacImages, other.cardiacImages, maxValues),
    petImages: united(one.petImages, other.petImages, maxValues),
    acquisitions: united(one.acquisitions, other.acquisitions, maxAcquisitions),
    elsewhere: united(one.elsewhere, other.elsewhere, maxElsewhere),
  };
}
