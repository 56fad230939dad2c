// The visitors.

import type { Visitor } from '../board/card';
import type { Call, TopicFold } from '../link';
import { recall, remember } from '../shell/remembered';

/** Those who are there, at all nodes: by the keys of their sockets, in the order in which they came. */
export type Visitors = ReadonlyMap<string, Visitor>;

export const enter = (data: Visitor): Call => ({ event: 'api.presence.enter', data });

/** The topic `visitors`: a visitor is there from an event with its key until that key ends. */
export const visitors: TopicFold<Visitors> = {
  aside: true,
  initial: new Map(),
  fold(known, events) {
    const here = new Map(known);
    for (const { key, data, deleted } of events) {
      if (key === undefined) continue;
      if (deleted) here.delete(key);
      else here.set(key, data as Visitor);
    }
    return here;
  },
};

/** Goes up: the visitor at this page has another name or color. */
export class VisitorEvent extends CustomEvent<Visitor> {
  static readonly type = 'visitor';

  constructor(visitor: Visitor) {
    super(VisitorEvent.type, { bubbles: true, composed: true, detail: visitor });
  }
}

const NAMES = [
  'Albatross', 'Buzzard', 'Condor', 'Crane', 'Falcon', 'Frigate', 'Goshawk', 'Harrier', 'Heron', 'Kestrel',
  'Kite', 'Osprey', 'Pelican', 'Petrel', 'Raven', 'Skua', 'Stork', 'Swallow', 'Swift', 'Tern',
];

/** Colors that white letters can be read on, by their names. */
export const COLORS: Readonly<Record<string, string>> = {
  Red: '#b3423a', Orange: '#a8560f', Olive: '#7a6a10', Green: '#3f7a35', Teal: '#147a6c', Blue: '#1f6fb2', Violet: '#5a5bc7', Purple: '#9a4aa8',
};

const KEPT = 'updraft-visitor';

/** The visitor in this tab; two tabs are two visitors. */
export function visitorOfThisTab(): Visitor {
  const kept = recall('sessionStorage', KEPT);
  if (kept !== undefined) return JSON.parse(kept) as Visitor;
  const any = <T>(of: readonly T[]): T => of[Math.floor(Math.random() * of.length)] as T;
  return keepVisitor({ name: any(NAMES), color: any(Object.values(COLORS)) });
}

export function keepVisitor(visitor: Visitor): Visitor {
  remember('sessionStorage', KEPT, JSON.stringify(visitor));
  return visitor;
}

declare global {
  interface HTMLElementEventMap {
    visitor: VisitorEvent;
  }
}
