import { describe, expect, it } from 'vitest';
import { escapeHtml, html } from '../../../../app/compare/report/html.ts';

describe('escaping', () => {
  it('leaves no way out of text or of a quoted attribute', () => {
    expect(escapeHtml('<script>alert("x")</script>')).toBe(
      '&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;',
    );
    expect(escapeHtml(`" onload='x' \`y\` &amp;`)).toBe(
      '&quot; onload=&#39;x&#39; &#96;y&#96; &amp;amp;',
    );
    expect(html`<a title="${'"><img src=x>'}">${'</a>'}</a>`.markup).toBe(
      '<a title="&quot;&gt;&lt;img src=x&gt;">&lt;/a&gt;</a>',
    );
  });

  it('replaces control characters and halves of characters, and keeps lines and tabs', () => {
    expect(escapeHtml('a\u0000b\u001b[31mc\u007f\u0085')).toBe('a\ufffdb\ufffd[31mc\ufffd\ufffd');
    expect(escapeHtml('x\ud800y')).toBe('x\ufffdy');
    expect(escapeHtml('one\r\n\ttwo 👋')).toBe('one\n\ttwo 👋');
  });
});

describe('the template', () => {
  it('puts markup in as it is, once, and text never', () => {
    const inner = html`<b>${'<'}</b>`;
    expect(html`${inner}${[inner, inner]}${'<b>'}`.markup).toBe(
      '<b>&lt;</b><b>&lt;</b><b>&lt;</b>&lt;b&gt;',
    );
  });

  it('puts numbers in, also zero, and nothing for null and false', () => {
    expect(html`${0}|${1.5}|${null}|${false}|${''}`.markup).toBe('0|1.5|||');
  });

  it('is not fooled by something that only looks like markup', () => {
    const lookalike = JSON.parse('{"markup":"<script>"}') as never;
    expect(() => html`${lookalike}`).toThrow();
  });
});
