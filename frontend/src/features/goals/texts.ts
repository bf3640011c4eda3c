import { addEnglish } from "@/i18n";
import { goals } from "@/i18n/en-goals";

addEnglish({ goals });
