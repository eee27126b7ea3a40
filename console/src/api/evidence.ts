// Files that belong to a case.

import { segment, upload } from './client';

export async function uploadEvidence(id: string, file: File, note: string): Promise<{ sha256: string; seq: number }> {
  const form = new FormData();
  form.append('name', file.name);
  form.append('note', note);
  form.append('file', file, file.name);
  return upload(`/cases/${segment(id)}/evidence`, form);
}
