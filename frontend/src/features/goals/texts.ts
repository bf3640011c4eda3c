import { addTexts } from "@/i18n";
import { goals } from "@/i18n/en-goals";

addTexts({ goals });
