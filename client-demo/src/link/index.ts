export { AnswerEvent, CallEvent, SwitchEvent } from './events';
export type { Answer, Call, CallError, KeyedCall } from './events';
export type { LinkOptions } from './link-controller';
export type { Connection, Fold, LinkState, Message, Phase, Refusal, Restored, Signal, Tally, TopicEvent, TopicFold } from './state';
export { UpdraftLink, type Linked } from './updraft-link';
