import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { App } from "@/app/App";
import { startI18n } from "@/i18n";
import { startTheme } from "@/lib/theme";
import "./styles.css";

startTheme();

const root = document.getElementById("root");
if (root !== null) {
  void startI18n().then(() =>
    createRoot(root).render(
      <StrictMode>
        <App />
      </StrictMode>,
    ),
  );
}
