/**
 * The only code that stands between the page and the shell: lets the page ask for its two connections, and for nothing
 * else. Runs sandboxed, isolated from the page; becomes one CommonJS file when the shell is built.
 */
import { contextBridge, ipcRenderer } from 'electron';

/** The page's window as this script sees it: all that is used of it. */
declare const window: {
  postMessage(message: string, targetOrigin: string, transfer: readonly unknown[]): void;
};

const endpoints = ['engine', 'host'] as const;

contextBridge.exposeInMainWorld('nibble', {
  /** Asks for a connection; it comes as a message `nibble-port:NAME` to the window, with a MessagePort. */
  connect: (name: unknown): void => {
    const endpoint = endpoints.find((known) => known === name);
    if (endpoint === undefined) return;
    const { port1, port2 } = new MessageChannel();
    ipcRenderer.postMessage(`nibble:connect-${endpoint}`, null, [port2]);
    // '/' is the page's own origin: a page of any other that took its place would get nothing.
    window.postMessage(`nibble-port:${endpoint}`, '/', [port1]);
  },
});
