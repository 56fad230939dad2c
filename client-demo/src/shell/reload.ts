// A page that is older than the server speaks with loads itself anew, once: where that does not help, since what
// it gets is as old, the notice stays and the person decides.

import { recall, remember } from './remembered';

const DONE = 'updraft-reloaded-for';

/** Long enough that the notice is seen, in milliseconds. */
const SOON = 1500;

let isAboutTo = false;

export function reloadOnce(min: string): void {
  if (isAboutTo || recall('sessionStorage', DONE) === min) return;
  // What cannot be remembered would be done for ever.
  isAboutTo = remember('sessionStorage', DONE, min);
  if (!isAboutTo) return;
  setTimeout(() => { location.reload(); }, SOON);
}
