import { type Attributes, ROOT_CONTEXT, SpanKind } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';
import { choice, ratio } from './environment.ts';

/**
 * Head sampling as OTEL_TRACES_SAMPLER and OTEL_TRACES_SAMPLER_ARG say. It decides by the trace id; a study's is derived, and so
 * every node of a site keeps the same studies.
 */
export function rootSampler(): Sampler {
  switch (choice('OTEL_TRACES_SAMPLER')?.[0]) {
    case 'always_off':
    case 'parentbased_always_off':
      return new AlwaysOffSampler();
    case 'traceidratio':
    case 'parentbased_traceidratio':
      return new TraceIdRatioBasedSampler(ratio('OTEL_TRACES_SAMPLER_ARG') ?? 1);
    default:
      return new AlwaysOnSampler();
  }
}

/** Children do as their parent does: a remote parent is our own derived root, whose flag {@link isSampled} set. */
export function withParents(root: Sampler): Sampler {
  return new ParentBasedSampler({ root });
}

/** What the sampler says of a trace id. */
export function isSampled(root: Sampler, traceId: string): boolean {
  const none: Attributes = {};
  const { decision } = root.shouldSample(ROOT_CONTEXT, traceId, 'study', SpanKind.INTERNAL, none, []);
  return decision === SamplingDecision.RECORD_AND_SAMPLED;
}
