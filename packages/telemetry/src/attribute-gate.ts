import type { Attributes } from '@opentelemetry/api';
import { type AttributeDefinition, type AttributeValues, attributeRegistry, type Identifier, type PatientDataClass } from './attribute.ts';

declare const passed: unique symbol;

/** Attributes that went through a gate; nothing else is accepted where spans and metrics are written. */
export type GatedAttributes = Attributes & { readonly [passed]: true };

/** Builds attributes; the only function that does. */
export type AttributeGate = (values: AttributeValues) => GatedAttributes;

export interface AttributeGateOptions {
  /** Class P3 passes only where named here. Default: none. */
  readonly identifiers?: readonly Identifier[];
  /** Classes that pass at all. Default: all (P3 still only by name). */
  readonly classes?: readonly PatientDataClass[];
  /** Longer values are cut. Default 256. */
  readonly maxValueLength?: number;
}

const everyClass: readonly PatientDataClass[] = ['P0', 'P1', 'P2', 'P3'];

/**
 * The gate that every attribute passes. What is not in the registry, of a class that is off, of another type than registered or
 * not of the registered form is left out without a word: telemetry never fails, and never says why in a way that would leak.
 */
export function createAttributeGate(options: AttributeGateOptions = {}): AttributeGate {
  const { identifiers = [], classes = everyClass, maxValueLength = 256 } = options;
  const open = new Map<string, AttributeDefinition>();
  for (const [name, definition] of Object.entries<AttributeDefinition>(attributeRegistry)) {
    const allowed = classes.includes(definition.patientData);
    // A P3 entry without an identifier would be a mistake in the registry; it stays shut.
    const named = definition.patientData !== 'P3' || (definition.identifier !== undefined && identifiers.includes(definition.identifier));
    if (allowed && named) open.set(name, definition);
  }
  return (values) => {
    const attributes: Attributes = {};
    for (const name of Object.keys(values)) {
      const definition = open.get(name);
      if (definition === undefined) continue;
      const value = checked(definition, (values as Record<string, unknown>)[name], maxValueLength);
      if (value !== undefined) attributes[name] = value;
    }
    return attributes as GatedAttributes;
  };
}

function checked(definition: AttributeDefinition, value: unknown, maxLength: number): string | number | string[] | undefined {
  switch (definition.type) {
    case 'string':
      return typeof value === 'string' ? checkedString(definition, value, maxLength) : undefined;
    case 'string[]': {
      if (!Array.isArray(value)) return undefined;
      const strings = value.filter((one): one is string => typeof one === 'string');
      return strings.map((one) => checkedString(definition, one, maxLength)).filter((one) => one !== undefined);
    }
    case 'int':
      return Number.isSafeInteger(value) ? (value as number) : undefined;
    case 'double':
      return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
  }
}

function checkedString(definition: AttributeDefinition, value: string, maxLength: number): string | undefined {
  if (value === '' || (definition.pattern !== undefined && !definition.pattern.test(value))) return undefined;
  return value.length > maxLength ? value.slice(0, maxLength) : value;
}
