import { addEnglish } from "@/i18n";
import { sources } from "@/i18n/en-sources";

addEnglish({ sources });
