// Streams, uploads and topics of an Updraft server, over the stock socket.io-client.

export { CallError, type ErrorBody } from './error.js';
export type { Named } from './dialect.js';
export type { ClientSocket } from './socket.js';
export type { Source } from './source.js';
export { duplex, stream, type DuplexOptions, type StreamOptions } from './stream.js';
export { upload, type UploadOptions } from './upload.js';
export { topic, type TopicOptions } from './topic.js';
export {
  TopicCursor, type TopicEvent, type TopicItem, type TopicLive, type TopicPacket, type TopicStart,
} from './topic-cursor.js';
