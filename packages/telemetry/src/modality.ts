/** Defined terms of Modality (0008,0060), PS3.3 C.7.3.1.1.1, retired ones included. */
const definedTerms = new Set(
  (
    'ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DG DMS DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL IVOCT IVUS KER KO LEN LS ' +
    'M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF RG RTDOSE RTIMAGE RTINTENT RTPLAN ' +
    'RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG US VA XA XAPROTOCOL XC ' +
    'AS CD CF CP CS DD DF DM DS EC FA FS LP MA MS OPR ST VF'
  ).split(' '),
);

/** The modality where it is a defined term, `_OTHER` where it is anything else (it could be anything), undefined where there is none. */
export function knownModality(modality: string | undefined): string | undefined {
  const trimmed = modality?.trim();
  if (trimmed === undefined || trimmed === '') return undefined;
  return definedTerms.has(trimmed) ? trimmed : '_OTHER';
}
