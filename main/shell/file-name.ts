/** Names that Windows keeps for devices, with any extension. */
const DEVICES = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i;

/** A suggested name without anything that leads into another folder, hides the file or that a system refuses. */
export function plainFileName(name: string): string {
  const plain = name
    // eslint-disable-next-line no-control-regex -- Control characters are what is to be taken out.
    .replace(/[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069<>:"/\\|?*]+/g, '-')
    .replace(/^[.\s-]+|[.\s]+$/g, '');
  return plain === '' || DEVICES.test(plain) ? `nibble-${plain}` : plain;
}
