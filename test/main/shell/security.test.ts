import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

/** Electron's own security checklist, as far as sources can show it. */

const folder = fileURLToPath(new URL('../../../main/shell', import.meta.url));
const sources = new Map(
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => {
      const text = readFileSync(path.join(folder, file), 'utf8');
      const name = path.basename(file);
      return [name, ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true)] as const;
    }),
);

function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  node.forEachChild((child) => {
    walk(child, visit);
  });
}

/** Files in which an identifier occurs in code (not in comments or texts). */
function filesWith(identifier: string): string[] {
  const found = new Set<string>();
  for (const [name, source] of sources)
    walk(source, (node) => {
      if (ts.isIdentifier(node) && node.text === identifier) found.add(name);
    });
  return [...found];
}

/** The properties of the object that a variable is declared with, as text. */
function objectOf(file: string, variable: string): Record<string, string> {
  const properties: Record<string, string> = {};
  const source = sources.get(file);
  if (source === undefined) throw new Error(`There is no ${file}.`);
  walk(source, (node) => {
    if (!ts.isVariableDeclaration(node) || node.name.getText() !== variable) return;
    if (node.initializer === undefined || !ts.isObjectLiteralExpression(node.initializer)) return;
    for (const property of node.initializer.properties)
      if (ts.isPropertyAssignment(property))
        properties[property.name.getText()] = property.initializer.getText();
  });
  return properties;
}

/** Texts of all calls of a method, `target.method(...)`. */
function callsOf(method: string): string[] {
  const calls: string[] = [];
  for (const source of sources.values())
    walk(source, (node) => {
      if (
        ts.isCallExpression(node) &&
        ts.isPropertyAccessExpression(node.expression) &&
        node.expression.name.text === method
      )
        calls.push(node.getText());
    });
  return calls;
}

describe('the shell', () => {
  it('finds sources to check', () => {
    expect(sources.size).toBeGreaterThan(15);
  });

  it('treats the page as a stranger', () => {
    expect(objectOf('open-window.ts', 'webPreferences')).toMatchObject({
      sandbox: 'true',
      contextIsolation: 'true',
      nodeIntegration: 'false',
      nodeIntegrationInWorker: 'false',
      nodeIntegrationInSubFrames: 'false',
      webSecurity: 'true',
      allowRunningInsecureContent: 'false',
      experimentalFeatures: 'false',
      webviewTag: 'false',
    });
    // One place makes windows, from those preferences, and no other kind of page is made.
    expect(filesWith('webPreferences')).toEqual(['open-window.ts']);
    const made: string[] = [];
    for (const [name, source] of sources)
      walk(source, (node) => {
        if (ts.isNewExpression(node)) made.push(`${name}: ${node.expression.getText()}`);
      });
    expect(made.filter((text) => /BrowserWindow|WebContentsView|BrowserView/.test(text))).toEqual([
      'open-window.ts: BrowserWindow',
    ]);
    expect(callsOf('enableSandbox')).toHaveLength(1);
  });

  it('uses nothing that would open a door', () => {
    for (const identifier of [
      'remote',
      'executeJavaScript',
      'executeJavaScriptInIsolatedWorld',
      'insertCSS',
      'enableRemoteModule',
      'setCertificateVerifyProc',
      'registerFileProtocol',
      'bypassCSP',
      'eval',
      'commandLine',
      'openPath',
      'openDevTools',
    ])
      expect([identifier, filesWith(identifier)]).toEqual([identifier, []]);
  });

  it('stays on its page, opens no windows and grants nothing', () => {
    for (const event of [
      'will-navigate',
      'will-frame-navigate',
      'will-redirect',
      'will-attach-webview',
      'web-contents-created',
    ])
      expect(callsOf('on').some((call) => call.includes(`'${event}'`))).toBe(true);
    expect(callsOf('setWindowOpenHandler').join()).toContain("action: 'deny'");
    expect(callsOf('setPermissionRequestHandler')).toHaveLength(1);
    expect(callsOf('setPermissionCheckHandler')).toHaveLength(1);
    expect(callsOf('setDevicePermissionHandler').join()).toContain('false');
    // Copying text is the one thing that is granted.
    const granted = [
      ...(sources.get('secure-page.ts')?.text ?? '').matchAll(/permission === '([^']+)'/g),
    ];
    expect(new Set(granted.map(([, name]) => name))).toEqual(
      new Set(['clipboard-sanitized-write']),
    );
    expect(callsOf('onBeforeRequest').join()).toContain('!mayLoad(url)');
  });

  it('hears the page on two channels, in one file, and looks who speaks', () => {
    expect(filesWith('ipcMain')).toEqual(['connect-channels.ts']);
    const source = sources.get('connect-channels.ts');
    const channels: string[] = [];
    if (source !== undefined)
      walk(source, (node) => {
        if (ts.isCallExpression(node) && node.expression.getText() === 'ipcMain.on')
          channels.push(node.arguments.map((argument) => argument.getText()).join(' '));
      });
    expect(channels).toEqual([
      'connectChannels.engine accept(connect.engine)',
      'connectChannels.host accept(connect.host)',
    ]);
    expect(callsOf('handle').filter((call) => call.startsWith('ipc'))).toEqual([]);
    expect(source?.text).toContain('isOwnFrame(event.senderFrame)');
  });

  it('exposes one function to the page', () => {
    const preload = sources.get('preload.ts');
    const exposed: string[] = [];
    const electron: string[] = [];
    const members: string[] = [];
    if (preload !== undefined)
      walk(preload, (node) => {
        if (
          ts.isCallExpression(node) &&
          node.expression.getText() === 'contextBridge.exposeInMainWorld'
        ) {
          const [name, value] = node.arguments;
          exposed.push(name?.getText() ?? '');
          if (value !== undefined && ts.isObjectLiteralExpression(value))
            members.push(...value.properties.map((property) => property.name?.getText() ?? '...'));
        }
        if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'ipcRenderer')
          electron.push(node.name.text);
      });
    expect(exposed).toEqual(["'nibble'"]);
    expect(members).toEqual(['connect']);
    expect(electron).toEqual(['postMessage']);
    const imports = ts.preProcessFile(preload?.text ?? '').importedFiles;
    expect(imports.map(({ fileName }) => fileName)).toEqual(['electron']);
    for (const other of ['ipcRenderer', 'contextBridge'])
      expect(filesWith(other)).toEqual(['preload.ts']);
  });

  it('opens pages elsewhere only over https, after asking', () => {
    const calls = callsOf('openExternal');
    expect(calls).toEqual(['shell.openExternal(url)']);
    const text = sources.get('host-calls.ts')?.text ?? '';
    expect(text.indexOf("protocol !== 'https:'")).toBeGreaterThan(0);
    expect(text.indexOf("protocol !== 'https:'")).toBeLessThan(text.indexOf('shell.openExternal'));
    expect(text).toContain('if (response === 0) await shell.openExternal(url)');
  });

  it('keeps Electron within this folder', () => {
    const main = path.dirname(folder);
    const importers = readdirSync(main, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts'))
      .filter((name) =>
        ts
          .preProcessFile(readFileSync(path.join(main, name), 'utf8'))
          .importedFiles.some(({ fileName }) => /^electron(?:\/|$)/.test(fileName)),
      );
    expect(importers.filter((name) => !name.startsWith(`shell${path.sep}`))).toEqual([]);
    expect(importers.length).toBeGreaterThan(5);
  });
});
