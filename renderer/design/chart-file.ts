/** What a picture needs to look the same outside the app, with the value that needs no saying. */
const painted: readonly (readonly [name: string, initial: string])[] = [
  ['fill', 'rgb(0, 0, 0)'],
  ['stroke', 'none'],
  ['fill-opacity', '1'],
  ['stroke-opacity', '1'],
  ['opacity', '1'],
  ['stroke-width', '1px'],
  ['stroke-dasharray', 'none'],
  ['stroke-linecap', 'butt'],
  ['stroke-linejoin', 'miter'],
  ['paint-order', 'normal'],
];
const written: readonly string[] = ['font-family', 'font-size', 'font-weight', 'text-anchor'];

/** Turns any CSS colour into one that every SVG reader knows: `#rrggbb`, or with two more digits where it is see-through. */
function colourReader(): (colour: string) => string {
  const canvas = document.createElement('canvas');
  canvas.width = 1;
  canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const known = new Map<string, string>();
  return (colour) => {
    const before = known.get(colour);
    if (before !== undefined) return before;
    let result = colour;
    if (context !== null && colour !== 'none' && !colour.startsWith('url')) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = colour;
      context.fillRect(0, 0, 1, 1);
      const [...bytes] = context.getImageData(0, 0, 1, 1).data;
      const hex = bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('');
      result = `#${hex.endsWith('ff') ? hex.slice(0, 6) : hex}`;
    }
    known.set(colour, result);
    return result;
  };
}

/**
 * An SVG that stands on its own: what the app's stylesheet gives its shapes is written into them, so that the file
 * looks as the picture looks now, in light or dark.
 */
export function standaloneSvg(svg: SVGSVGElement): string {
  const clone = svg.cloneNode(true) as SVGSVGElement;
  const hex = colourReader();
  const originals = svg.querySelectorAll('*');
  clone.querySelectorAll('*').forEach((copy, index) => {
    const original = originals[index];
    if (original === undefined) return;
    const style = getComputedStyle(original);
    if (copy.matches('path, rect, line, circle, polyline, text, tspan'))
      for (const [name, initial] of painted) {
        const value = style.getPropertyValue(name);
        if (value === '' || (value === initial && !copy.hasAttribute(name))) continue;
        copy.setAttribute(name, name === 'fill' || name === 'stroke' ? hex(value) : value);
      }
    if (copy.matches('text'))
      for (const name of written) copy.setAttribute(name, style.getPropertyValue(name));
    for (const name of ['class', 'tabindex', 'role', 'style']) copy.removeAttribute(name);
  });
  const { width, height } = svg.viewBox.baseVal;
  const ground = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  ground.setAttribute('width', String(width));
  ground.setAttribute('height', String(height));
  ground.setAttribute('fill', hex(getComputedStyle(document.body).backgroundColor));
  clone.prepend(ground);
  for (const name of ['class', 'style', 'tabindex']) clone.removeAttribute(name);
  clone.setAttribute('width', String(width));
  clone.setAttribute('height', String(height));
  clone.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  return new XMLSerializer().serializeToString(clone);
}
