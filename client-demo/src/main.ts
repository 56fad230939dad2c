// One way round. Elements render what they are given, and say what they want by events that bubble:
//
//   card → board → demo-app → updraft-link ⇒ the backend       a call goes up
//   card ← board ← demo-app ← updraft-link ⇐ the backend       what happened comes down, as state
//
// The link emits calls and folds what it hears; nothing below it knows that there is a socket.

import { history } from './history/history';
import { UpdraftLink } from './link';
import { visitors } from './presence/presence';
import './shell/demo-app';
import './shell/tokens.css';

const link = new UpdraftLink({
  version: __VERSION__,
  topics: { board: history, visitors },
});
link.append(document.createElement('demo-app'));
document.body.append(link);
