// Runs before the first paint. Keep in step with src/lib/theme.ts.
(function () {
  try {
    const chosen = localStorage.getItem("millwright.theme");
    if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  } catch {
    // Storage may be forbidden; the system's theme applies then.
  }
})();
