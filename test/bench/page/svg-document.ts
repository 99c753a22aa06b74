/**
 * As much of a document as Observable Plot draws on, so that charts can be made without a browser: elements, attributes,
 * children, text. A DOM library would be a dependency of the project for the sake of one page.
 */

const SVG_NAMESPACE = 'http://www.w3.org/2000/svg';

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};
const escape = (text: string): string =>
  text.replaceAll(/[&<>"]/g, (found) => escapes[found] ?? '');

class TextNode {
  parentNode: ElementNode | null = null;
  readonly textContent: string;
  constructor(text: string) {
    this.textContent = text;
  }
  toString(): string {
    return escape(this.textContent);
  }
}

type Child = ElementNode | TextNode;

class ElementNode {
  parentNode: ElementNode | null = null;
  readonly namespaceURI = SVG_NAMESPACE;
  readonly tagName: string;
  readonly ownerDocument: SvgDocument;
  readonly #attributes = new Map<string, string>();
  #children: Child[] = [];

  constructor(tagName: string, ownerDocument: SvgDocument) {
    this.tagName = tagName;
    this.ownerDocument = ownerDocument;
  }

  get childNodes(): readonly Child[] {
    return this.#children;
  }
  get children(): readonly ElementNode[] {
    return this.#children.filter((child) => child instanceof ElementNode);
  }
  get textContent(): string {
    return this.#children.map((child) => child.textContent).join('');
  }
  set textContent(text: string) {
    this.#children = [];
    this.append(text);
  }

  setAttribute(name: string, value: unknown): void {
    this.#attributes.set(name, String(value));
  }
  /** The names that charts use are written with their prefix: `xlink:href`. */
  setAttributeNS(_namespace: string, name: string, value: unknown): void {
    this.setAttribute(name, value);
  }
  getAttribute(name: string): string | null {
    return this.#attributes.get(name) ?? null;
  }
  hasAttribute(name: string): boolean {
    return this.#attributes.has(name);
  }
  removeAttribute(name: string): void {
    this.#attributes.delete(name);
  }
  appendChild<T extends Child>(child: T): T {
    return this.insertBefore(child, null);
  }
  append(...children: (Child | string)[]): void {
    for (const child of children)
      this.appendChild(typeof child === 'string' ? new TextNode(child) : child);
  }
  insertBefore<T extends Child>(child: T, before: Child | null): T {
    child.parentNode?.removeChild(child);
    const at = before === null ? -1 : this.#children.indexOf(before);
    this.#children.splice(at < 0 ? this.#children.length : at, 0, child);
    child.parentNode = this;
    return child;
  }
  removeChild(child: Child): void {
    this.#children = this.#children.filter((other) => other !== child);
    child.parentNode = null;
  }

  toString(): string {
    const attributes = [...this.#attributes].map(([name, value]) => ` ${name}="${escape(value)}"`);
    const open = `<${this.tagName}${attributes.join('')}`;
    return this.#children.length === 0
      ? `${open}/>`
      : `${open}>${this.#children.join('')}</${this.tagName}>`;
  }
}

export class SvgDocument {
  readonly documentElement = new ElementNode('svg', this);
  createElement(name: string): ElementNode {
    return new ElementNode(name, this);
  }
  createElementNS(_namespace: string, name: string): ElementNode {
    return new ElementNode(name, this);
  }
  createTextNode(text: string): TextNode {
    return new TextNode(text);
  }
}
