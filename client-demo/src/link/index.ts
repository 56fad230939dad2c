export { AnswerEvent, CallEvent, SwitchEvent } from './events';
export type { ErrorBody, TopicEvent } from 'updraft-client';
export type { Answer, Call, KeyedCall } from './events';
export type { LinkOptions } from './link-controller';
export type { Connection, Fold, LinkState, Message, Phase, Refusal, Restored, Signal, Tally, TopicFold } from './state';
export { StreamEvent, type StreamCall } from './streams';
export { UpdraftLink, type Linked } from './updraft-link';
