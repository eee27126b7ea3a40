// Before the first paint, so that nobody is dazzled: the chosen theme, else what the system asks for (by CSS).
try {
  var theme = localStorage.getItem('portcullis.theme');
  if (theme === 'dark' || theme === 'light') document.documentElement.dataset.theme = theme;
} catch (e) {
  // Storage may be switched off; the system's wish is followed then.
}
