import { addTexts } from "@/i18n";
import { timeline } from "@/i18n/en-runs";

addTexts({ timeline });
