'use strict';
for (const box of document.querySelectorAll('.table')) {
  const table = box.querySelector('table'), body = table.tBodies[0], filter = box.querySelector('input');
  if (filter) {
    filter.hidden = false;
    filter.addEventListener('input', () => {
      const wanted = filter.value.toLowerCase();
      for (const row of body.rows) row.hidden = !row.textContent.toLowerCase().includes(wanted);
    });
  }
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.classList.add('sortable');
    head.tabIndex = 0;
    const sort = () => {
      const up = !head.classList.contains('up');
      const value = row => { const cell = row.cells[column]; return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v); };
      const order = (a, b) => typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), undefined, {numeric: true});
      const rows = [...body.rows].sort((a, b) => (up ? 1 : -1) * order(value(a), value(b)));
      heads.forEach(other => other.classList.remove('up', 'down'));
      head.classList.add(up ? 'up' : 'down');
      body.append(...rows);
    };
    head.addEventListener('click', sort);
    head.addEventListener('keydown', event => { if (event.key === 'Enter') sort(); });
  });
}
const open = () => {
  const target = location.hash && document.getElementById(location.hash.slice(1));
  if (target && target.tagName === 'DETAILS') { target.open = true; target.scrollIntoView(); }
};
addEventListener('hashchange', open);
open();
