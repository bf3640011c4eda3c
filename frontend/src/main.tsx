import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { startSession } from "@/api/auth";
import { asProblem } from "@/api/problem";
import { App } from "@/app/App";
import { StartFailure } from "@/app/fallbacks";
import { startI18n } from "@/i18n";
import { startTheme } from "@/lib/theme";
import "./styles.css";

startTheme();

const root = document.getElementById("root");
if (root !== null) {
  // The guards of the pages need to know who is signed in, so the first page waits for the answer.
  const failure = startSession().then(
    () => null,
    (error: unknown) => asProblem(error),
  );
  void Promise.all([failure, startI18n()]).then(([problem]) =>
    createRoot(root).render(<StrictMode>{problem === null ? <App /> : <StartFailure problem={problem} />}</StrictMode>),
  );
}
