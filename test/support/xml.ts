/** A strict reader of the XML that reports are written in: enough to tell that a browser will take it. */

/** An element without its content. */
export interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Text directly inside. */
  text: string;
}

/** All elements in document order. Throws with the place of the first fault. */
export function readXml(source: string): XmlElement[] {
  const elements: XmlElement[] = [];
  const open: XmlElement[] = [];
  const token =
    /<!DOCTYPE [^>]*>|<(\/?)([A-Za-z][\w:-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>|([^<]+)/y;
  while (token.lastIndex < source.length) {
    const at = token.lastIndex;
    const match = token.exec(source);
    if (match === null) throw new Error(`not XML at ${at}: ${source.slice(at, at + 60)}`);
    const [, closing, name, attributeText, selfClosing, text] = match;
    if (text !== undefined) {
      if (/&(?!(?:amp|lt|gt|quot|#\d+);)/.test(text)) throw new Error(`bare & at ${at}`);
      const parent = open.at(-1);
      if (parent !== undefined) parent.text += text;
      else if (text.trim() !== '') throw new Error(`text outside the root at ${at}`);
    } else if (closing === '/') {
      if (open.pop()?.name !== name) throw new Error(`</${name}> at ${at} closes nothing`);
    } else if (name !== undefined) {
      const pairs = [...attributeText.matchAll(/([\w:-]+)="([^"]*)"/g)];
      const attributes = Object.fromEntries(pairs.map(([, key, value]) => [key, value]));
      if (Object.keys(attributes).length < pairs.length) {
        throw new Error(`an attribute twice at ${at}`);
      }
      const element = { name, attributes, text: '' };
      elements.push(element);
      if (selfClosing !== '/') open.push(element);
    }
  }
  if (open.length > 0) throw new Error(`<${open[0].name}> is never closed`);
  return elements;
}
