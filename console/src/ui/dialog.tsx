// A dialog of the browser's own: it holds the focus, Esc closes it, and what is behind cannot be reached.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

export function Dialog({ title, onClose, children, isWide = false }: { title: ComponentChildren; onClose: () => void; children: ComponentChildren; isWide?: boolean }) {
  const box = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const dialog = box.current;
    if (dialog && !dialog.open) dialog.showModal();
    return () => {
      if (dialog?.open) dialog.close();
      // Back to where one was, if that still exists.
      if (before?.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog ref={box} class={isWide ? 'wide' : ''} aria-labelledby="dialog-title" onCancel={(event) => { event.preventDefault(); onClose(); }} onClick={(event) => { if (event.target === box.current) onClose(); }}>
      <div class="dialogbox">
        <header class="dialoghead">
          <h2 id="dialog-title">{title}</h2>
          <button type="button" class="plain" aria-label="Close" onClick={onClose}>✕</button>
        </header>
        {children}
      </div>
    </dialog>
  );
}
