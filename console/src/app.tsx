import { useEffect } from 'preact/hooks';
import { useCell } from './lib/cell';
import { place, segments } from './lib/router';
import { visible } from './lib/text';
import { CasePage } from './pages/case/room';
import { AuditPage, CasesPage, ChannelsPage, ProtocolsPage } from './pages/lists';
import { OverviewPage } from './pages/overview';
import { ProtocolPage } from './pages/protocol';
import { DrillsPage, JournalPage, ReportsPage, RulesPage } from './pages/records';
import { SignInPage } from './pages/signin';
import { Shell } from './ui/shell';

const TITLES: Record<string, string> = { '': 'Overview', cases: 'Cases', protocols: 'Protocols', rules: 'Rules', reports: 'Reports', drills: 'Drills', journal: 'Journal', channels: 'Channels', audit: 'Who did what', 'sign-in': 'Sign in' };

export function App() {
  const { path } = useCell(place);
  const [first = '', second] = segments(path);
  useEffect(() => { document.title = `${/^\(\d+\) /.exec(document.title)?.[0] ?? ''}${second ? visible(second).slice(0, 60) : (TITLES[first] ?? 'Not here')} – Portcullis`; }, [first, second]);
  return <Shell>{page(first, second)}</Shell>;
}

function page(first: string, second: string | undefined) {
  if (first === 'case' && second) return <CasePage key={second} id={second} />;
  if (first === 'protocol' && second) return <ProtocolPage key={second} name={second} />;
  switch (first) {
    case '': return <OverviewPage />;
    case 'cases': return <CasesPage />;
    case 'protocols': return <ProtocolsPage />;
    case 'rules': return <RulesPage />;
    case 'reports': return <ReportsPage />;
    case 'drills': return <DrillsPage />;
    case 'journal': return <JournalPage />;
    case 'channels': return <ChannelsPage />;
    case 'audit': return <AuditPage />;
    case 'sign-in': return <SignInPage />;
    default: return <><h1>There is no such page</h1><p><a class="button primary" href="/">Go to the overview</a></p></>;
  }
}
