import fc from 'fast-check';
import { type AttributeDefinition, attributeRegistry } from './attribute.ts';
import { createAttributeGate } from './attribute-gate.ts';

const definitions = Object.entries<AttributeDefinition>(attributeRegistry);
const identifiers = definitions.flatMap(([, definition]) => (definition.identifier === undefined ? [] : [definition.identifier]));

describe('attribute registry', () => {
  it('gives every P3 attribute, and no other, an identifier of its own', () => {
    expect(definitions.filter(([, one]) => (one.patientData === 'P3') !== (one.identifier !== undefined))).toEqual([]);
    expect(new Set(identifiers).size).toBe(identifiers.length);
  });

  it('follows the naming rules: lowercase, dots, no units', () => {
    for (const [name, { description }] of definitions) {
      expect(name).toMatch(/^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/);
      expect(name).not.toMatch(/[._](ms|s|seconds|bytes)$/);
      expect(description).not.toBe('');
    }
  });
});

describe('attribute gate', () => {
  const anything = fc.oneof(fc.string(), fc.double(), fc.integer(), fc.boolean(), fc.array(fc.string()), fc.constant(null), fc.object());
  const names = fc.oneof(fc.constantFrom(...Object.keys(attributeRegistry)), fc.string());

  it('passes only what is registered, of an open class, of its type and form, and short', () => {
    fc.assert(
      fc.property(fc.dictionary(names, anything), fc.subarray(identifiers), (values, open) => {
        const passed = createAttributeGate({ identifiers: open })(values as never);
        for (const [name, value] of Object.entries(passed)) {
          const definition: AttributeDefinition | undefined = definitions.find(([known]) => known === name)?.[1];
          if (definition === undefined) throw new Error(`${name} is not registered`);
          if (definition.patientData === 'P3') expect(open).toContain(definition.identifier);
          const strings = typeof value === 'string' ? [value] : Array.isArray(value) ? (value as string[]) : [];
          for (const one of strings) {
            expect(one.length).toBeLessThanOrEqual(256);
            if (definition.pattern !== undefined) expect(one).toMatch(definition.pattern);
          }
          if (strings.length === 0 && definition.type !== 'string[]') expect(['int', 'double']).toContain(definition.type);
        }
      }),
    );
  });

  it('opens each P3 attribute by its own name only', () => {
    const values = { 'dicom.study.uid': '1.2', 'dicom.series.uid': '1.3', 'dicom.study.accession_number': 'A1' };
    expect(createAttributeGate()(values)).toEqual({});
    expect(createAttributeGate({ identifiers: ['seriesInstanceUid'] })(values)).toEqual({ 'dicom.series.uid': '1.3' });
  });

  it('passes well-formed values of the classes asked for', () => {
    const gate = createAttributeGate({ classes: ['P0', 'P1'] });
    const values = {
      'dicom.message.id': 7,
      'dicom.calling_ae.title': 'CT1',
      'dicom.study.hash': '0123456789abcdef',
      'error.type': undefined,
    };
    expect(gate(values)).toEqual({ 'dicom.message.id': 7, 'dicom.calling_ae.title': 'CT1' });
  });

  it('leaves out a value that is not of the registered form', () => {
    expect(createAttributeGate()({ 'dicom.sop_class.uid': 'DOE^JOHN', 'dicom.study.hash': '1.2.3' })).toEqual({});
  });
});
