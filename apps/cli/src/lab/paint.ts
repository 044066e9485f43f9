import { styleText } from 'node:util';

/** What a word is, as far as colour goes. */
type Colour = 'bold' | 'dim' | 'good' | 'bad' | 'name' | 'id';

export type Paint = (colour: Colour, text: string) => string;

const styles = { bold: 'bold', dim: 'dim', good: 'green', bad: 'red', name: 'cyan', id: 'yellow' } as const;

export const unpainted: Paint = (_colour, text) => text;

export function painter(coloured: boolean): Paint {
  if (!coloured) return unpainted;
  return (colour, text) => (text === '' ? '' : styleText(styles[colour], text, { validateStream: false }));
}
