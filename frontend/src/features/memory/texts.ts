import { addTexts } from "@/i18n";
import { memory } from "@/i18n/en-memory";

addTexts({ memory });
