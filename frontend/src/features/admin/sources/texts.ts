import { addTexts } from "@/i18n";
import { sources } from "@/i18n/en-sources";

addTexts({ sources });
