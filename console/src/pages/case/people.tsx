// Who has which part. A part counts once the person has said yes.

import { may, session } from '../../api/client';
import { useCell } from '../../lib/cell';
import { verbOf } from '../../lib/commands';
import { CLOSED } from '../shared';
import { words } from '../../lib/text';
import { Act } from '../../ui/act';
import { Card, Empty, Mark, T } from '../../ui/basics';
import { say } from './command';
import type { Room } from './room';

const DUTIES: Record<string, string> = {
  incidentCommander: 'Decides who does what, and when it is over. Does nothing else.', protocolEngineer: 'Knows the contracts.', securityAuditor: 'Judges what the attack is and whether a remedy works.',
  signerCoordinator: 'Gets the signatures together.', communications: 'One voice to the outside.', scribe: 'Writes down times and decisions.', legal: 'What must be reported and what must not be said.', community: 'Answers users where they ask.', signer: 'Signs with a key of their own.',
};

export function PeopleView({ room: { one, order }, again }: { room: Room; again: () => void }) {
  const who = useCell(session);
  const assign = verbOf('assign');
  const canGive = assign && may(who, 'responder');
  // A part counts once its person looks at the case, which is one word for all their parts; it is taken while the case is open.
  const isHere = may(who, 'responder') && !['resolved', ...CLOSED].includes(one.stage);
  return (
    <>
      {canGive && <div class="verbs"><button type="button" onClick={() => order(assign)}>Give a role …</button></div>}
      {one.roles.length === 0 ? <Empty>No role is given. The first one is the incident commander: one person leads, and says so.</Empty> : (
        <div class="tiles">{one.roles.map(({ role, people }) => (
          <Card key={role} id={`role-${role}`} title={words(role)} tone={people.some(({ acknowledged }) => acknowledged) ? 'good' : 'warn'}>
            {DUTIES[role] && <p class="dim">{DUTIES[role]}</p>}
            {people.length === 0 && <p><Mark tone="warn">nobody</Mark></p>}
            <ul class="plainlist">{people.map(({ name, acknowledged }) => <li key={name}><strong><T s={name} max={60} /></strong>{name === who?.name && ' (you)'} {acknowledged ? <Mark tone="good">said yes</Mark> : <Mark tone="warn">has not said yes</Mark>}</li>)}</ul>
            {isHere && people.some(({ name, acknowledged }) => name === who?.name && !acknowledged) && <div class="verbs"><Act kind="primary" what={async () => { await say(one.id, { command: 'acknowledge' }, null); again(); return 'Journaled: you are looking at it.'; }}>Yes, I am here</Act></div>}
            {canGive && <div class="verbs"><button type="button" class="small" onClick={() => order(assign, { role })}>Give it to somebody …</button>
            {who?.name && !people.some(({ name }) => name === who.name) && <button type="button" class="small" onClick={() => order(assign, { role, to: who.name ?? '' })}>I take it …</button>}</div>}
          </Card>
        ))}</div>
      )}
    </>
  );
}
