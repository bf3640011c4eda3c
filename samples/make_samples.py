#!/usr/bin/env python3
"""Makes the sample documents that ship with Millwright.

All makers, machines and figures are invented. The output is checked in, so that nobody needs to
run this: it is here so that the documents can be changed. Needs reportlab 5.1 and python-docx 1.2
(`pip install reportlab python-docx`). The same versions give the same bytes.
"""

import datetime
import zipfile
from pathlib import Path

from docx import Document
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt, RGBColor
from reportlab import rl_config
from reportlab.graphics.shapes import Circle, Drawing, Line, Polygon, Rect, String
from reportlab.lib import colors
from reportlab.lib.enums import TA_LEFT
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import (
    BaseDocTemplate, Frame, KeepTogether, ListFlowable, ListItem, NextPageTemplate, PageBreak,
    PageTemplate, Paragraph, Spacer, Table, TableStyle,
)

HERE = Path(__file__).resolve().parent
NAVY = colors.HexColor("#12324A")
TEAL = colors.HexColor("#0E7C86")
GREY = colors.HexColor("#5B6770")
PALE = colors.HexColor("#EEF3F5")
RULE = colors.HexColor("#B8C4CA")
AMBER = colors.HexColor("#F2A900")
RED = colors.HexColor("#B3261E")

MAKER = "Hallstedt Pumpen"
MODEL = "HP-CX 80-250"
DOC_NO = "HP-CX-OM-EN"
REVISION = "Rev. 4"


def style(name, **options):
    base = dict(fontName="Helvetica", fontSize=9.5, leading=13.2, textColor=colors.HexColor("#1D2429"), alignment=TA_LEFT)
    return ParagraphStyle(name, **{**base, **options})


BODY = style("body", spaceAfter=5)
SMALL = style("small", fontSize=8.2, leading=11)
CELL = style("cell", fontSize=8.6, leading=11.2)
HEAD_CELL = style("headcell", fontSize=8.6, leading=11.2, fontName="Helvetica-Bold", textColor=colors.white)
H1 = style("h1", fontName="Helvetica-Bold", fontSize=17, leading=21, textColor=NAVY, spaceBefore=2, spaceAfter=8)
H2 = style("h2", fontName="Helvetica-Bold", fontSize=12, leading=15.5, textColor=TEAL, spaceBefore=10, spaceAfter=4, keepWithNext=1)
CAPTION = style("caption", fontSize=8.2, leading=11, textColor=GREY, fontName="Helvetica-Oblique", spaceBefore=3, spaceAfter=8)


class Manual(BaseDocTemplate):
    """Collects headings into the outline and draws the running header and footer."""

    def __init__(self, path):
        super().__init__(
            str(path), pagesize=A4, leftMargin=22 * mm, rightMargin=20 * mm, topMargin=26 * mm, bottomMargin=22 * mm,
            title=f"{MODEL} Operating and Maintenance Manual", author=MAKER, subject="End-suction centrifugal pump",
            creator="Millwright samples", invariant=1, lang="en",
        )
        frame = Frame(self.leftMargin, self.bottomMargin, self.width, self.height, id="body", leftPadding=0, rightPadding=0)
        self.addPageTemplates([
            PageTemplate(id="cover", frames=[frame], onPage=self.cover),
            PageTemplate(id="inner", frames=[frame], onPage=self.furniture),
        ])

    def cover(self, canvas, _):
        width, height = A4
        canvas.saveState()
        canvas.setFillColor(NAVY)
        canvas.rect(0, height - 92 * mm, width, 92 * mm, stroke=0, fill=1)
        canvas.setFillColor(TEAL)
        canvas.rect(0, height - 95 * mm, width, 3 * mm, stroke=0, fill=1)
        canvas.setFillColor(colors.white)
        canvas.setFont("Helvetica-Bold", 13)
        canvas.drawString(22 * mm, height - 28 * mm, MAKER)
        canvas.setFont("Helvetica-Bold", 30)
        canvas.drawString(22 * mm, height - 54 * mm, MODEL)
        canvas.setFont("Helvetica", 15)
        canvas.drawString(22 * mm, height - 65 * mm, "End-suction centrifugal pump")
        canvas.drawString(22 * mm, height - 73 * mm, "Operating and Maintenance Manual")
        canvas.setFillColor(GREY)
        canvas.setFont("Helvetica", 9)
        canvas.drawString(22 * mm, 24 * mm, f"Document {DOC_NO}, {REVISION}, translation of the original instructions")
        canvas.drawString(22 * mm, 19 * mm, "Keep this manual with the machine.")
        canvas.restoreState()

    def furniture(self, canvas, doc):
        width, height = A4
        canvas.saveState()
        canvas.setStrokeColor(RULE)
        canvas.setLineWidth(0.6)
        canvas.line(22 * mm, height - 19 * mm, width - 20 * mm, height - 19 * mm)
        canvas.line(22 * mm, 16 * mm, width - 20 * mm, 16 * mm)
        canvas.setFillColor(GREY)
        canvas.setFont("Helvetica", 8)
        canvas.drawString(22 * mm, height - 16.5 * mm, f"{MAKER}  {MODEL}")
        canvas.drawRightString(width - 20 * mm, height - 16.5 * mm, "Operating and Maintenance Manual")
        canvas.drawString(22 * mm, 11.5 * mm, f"{DOC_NO} {REVISION}")
        canvas.drawRightString(width - 20 * mm, 11.5 * mm, f"Page {doc.page}")
        canvas.restoreState()

    def afterFlowable(self, flowable):
        if isinstance(flowable, Paragraph) and flowable.style.name in ("h1", "h2"):
            text = flowable.getPlainText()
            key = f"h{self.seq.nextf('headings')}" if hasattr(self, "seq") else text
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(text, key, level=0 if flowable.style.name == "h1" else 1, closed=False)


def p(text):
    return Paragraph(text, BODY)


def h1(text):
    return Paragraph(text, H1)


def h2(text):
    return Paragraph(text, H2)


def steps(*items):
    entries = [ListItem(Paragraph(text, BODY), leftIndent=16) for text in items]
    return ListFlowable(entries, bulletType="1", bulletFormat="%s.", bulletFontName="Helvetica-Bold", bulletFontSize=9.5, leftIndent=18, spaceAfter=4)


def bullets(*items):
    entries = [ListItem(Paragraph(text, BODY), leftIndent=14) for text in items]
    return ListFlowable(entries, bulletType="bullet", start="•", bulletFontSize=9, leftIndent=14, spaceAfter=4)


def table(widths, rows, caption=None):
    data = [[Paragraph(cell, HEAD_CELL) for cell in rows[0]]] + [[Paragraph(cell, CELL) for cell in row] for row in rows[1:]]
    out = Table(data, colWidths=[width * mm for width in widths], repeatRows=1)
    out.setStyle(TableStyle([
        ("BACKGROUND", (0, 0), (-1, 0), NAVY),
        ("ROWBACKGROUNDS", (0, 1), (-1, -1), [colors.white, PALE]),
        ("GRID", (0, 0), (-1, -1), 0.5, RULE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"),
        ("TOPPADDING", (0, 0), (-1, -1), 3.2),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 3.6),
        ("LEFTPADDING", (0, 0), (-1, -1), 5),
    ]))
    parts = [Paragraph(caption, CAPTION)] if caption else []
    return [KeepTogether(parts + [out]), Spacer(0, 6)]


def note(word, colour, text):
    body = Table([[Paragraph(f"<b>{word}</b>", style("word", textColor=colors.white, fontSize=9)), Paragraph(text, CELL)]],
                 colWidths=[24 * mm, 144 * mm])
    body.setStyle(TableStyle([
        ("BACKGROUND", (0, 0), (0, 0), colour), ("BACKGROUND", (1, 0), (1, 0), PALE),
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("TOPPADDING", (0, 0), (-1, -1), 5), ("BOTTOMPADDING", (0, 0), (-1, -1), 5),
    ]))
    return [Spacer(0, 5), body, Spacer(0, 6)]


def section_drawing():
    """A plain side view of pump, coupling and motor with the numbers of the parts list."""
    d = Drawing(168 * mm, 62 * mm)
    base, axis = 8 * mm, 30 * mm
    steel, dark = colors.HexColor("#C9D3D8"), colors.HexColor("#93A3AB")
    d.add(Rect(8 * mm, 2 * mm, 150 * mm, 6 * mm, fillColor=dark, strokeColor=NAVY))
    d.add(Circle(34 * mm, axis, 19 * mm, fillColor=steel, strokeColor=NAVY))
    d.add(Circle(34 * mm, axis, 7 * mm, fillColor=colors.white, strokeColor=NAVY))
    d.add(Rect(29 * mm, axis + 17 * mm, 10 * mm, 9 * mm, fillColor=steel, strokeColor=NAVY))
    d.add(Rect(26 * mm, axis + 25 * mm, 16 * mm, 3 * mm, fillColor=dark, strokeColor=NAVY))
    d.add(Polygon([30 * mm, base, 38 * mm, base, 37 * mm, axis - 17 * mm, 31 * mm, axis - 17 * mm], fillColor=steel, strokeColor=NAVY))
    d.add(Rect(53 * mm, axis - 8 * mm, 27 * mm, 16 * mm, fillColor=steel, strokeColor=NAVY))
    d.add(Polygon([60 * mm, base, 74 * mm, base, 71 * mm, axis - 8 * mm, 63 * mm, axis - 8 * mm], fillColor=steel, strokeColor=NAVY))
    d.add(Rect(80 * mm, axis - 2 * mm, 8 * mm, 4 * mm, fillColor=dark, strokeColor=NAVY))
    d.add(Rect(88 * mm, axis - 8 * mm, 9 * mm, 16 * mm, fillColor=AMBER, strokeColor=NAVY))
    d.add(Rect(97 * mm, axis - 2 * mm, 6 * mm, 4 * mm, fillColor=dark, strokeColor=NAVY))
    d.add(Rect(103 * mm, axis - 14 * mm, 46 * mm, 28 * mm, fillColor=steel, strokeColor=NAVY))
    for x in range(107, 148, 4):
        d.add(Line(x * mm, axis - 13 * mm, x * mm, axis + 13 * mm, strokeColor=dark, strokeWidth=0.5))
    d.add(Rect(108 * mm, base, 8 * mm, axis - 14 * mm - base, fillColor=dark, strokeColor=NAVY))
    d.add(Rect(136 * mm, base, 8 * mm, axis - 14 * mm - base, fillColor=dark, strokeColor=NAVY))
    for number, x, y in ((1, 15, 48), (3, 56, 48), (4, 92, 48), (5, 126, 52), (6, 152, 14)):
        d.add(Circle(x * mm, y * mm, 3.2 * mm, fillColor=colors.white, strokeColor=TEAL))
        d.add(String(x * mm, y * mm - 3, str(number), fontName="Helvetica-Bold", fontSize=8, fillColor=TEAL, textAnchor="middle"))
    for x0, y0, x1, y1 in ((17.5, 46, 24, 43), (56, 45, 60, 38), (92, 45, 92, 38), (126, 49, 126, 44), (150, 12, 146, 8)):
        d.add(Line(x0 * mm, y0 * mm, x1 * mm, y1 * mm, strokeColor=TEAL, strokeWidth=0.7))
    return d


def manual():
    rl_config.invariant = 1
    doc = Manual(HERE / "pump-manual.pdf")
    s = [Spacer(0, 84 * mm)]
    s += [Paragraph("This manual applies to pumps with serial numbers from CX-24-0100.", BODY)]
    s += table([50, 118], [
        ["Item", "Value"],
        ["Pump type", MODEL],
        ["Manufacturer", f"{MAKER}, Werkstrasse 14, 99999 Hallstedt"],
        ["Service", "service@hallstedt-pumpen.example, telephone +49 30 5550 0140"],
        ["Document", f"{DOC_NO}, {REVISION}, March 2025, replaces Rev. 3"],
    ])
    s += [Spacer(0, 8), Paragraph("Contents", ParagraphStyle("contents", parent=H2))]
    for number, title in enumerate(("Safety", "Technical data", "Transport and installation", "Commissioning", "Operation", "Maintenance", "Tightening torques", "Troubleshooting", "Spare parts"), 1):
        s.append(Paragraph(f"{number}&nbsp;&nbsp;&nbsp;{title}", style("toc", spaceAfter=1)))
    s += [NextPageTemplate("inner"), PageBreak()]

    s += [h1("1 Safety"), h2("1.1 Intended use")]
    s += [p(f"The {MODEL} is a single-stage end-suction centrifugal pump for clean or slightly contaminated water, cooling water and "
            "water-glycol mixtures up to 50 % glycol. It must not be used for flammable liquids, drinking water or liquids that contain "
            "solids larger than 5 mm. Do not run the pump in an explosive atmosphere; it has no ATEX approval.")]
    s += [h2("1.2 Persons")]
    s += [p("Only persons trained as mechanics or electricians who have read this manual may install, operate or maintain the pump. "
            "Electrical work is reserved for qualified electricians.")]
    s += [h2("1.3 Warnings in this manual")]
    s += table([30, 138], [
        ["Word", "Meaning"],
        ["DANGER", "Death or serious injury will follow if the warning is ignored."],
        ["WARNING", "Death or serious injury may follow if the warning is ignored."],
        ["NOTICE", "Damage to the machine may follow if the notice is ignored."],
    ])
    s += note("DANGER", RED, "Before any work on the pump, switch off the motor, lock the main switch with a personal padlock and check that "
              "the motor cannot be started. Close the suction and discharge valves and relieve the pressure through drain plug D1.")
    s += note("WARNING", AMBER, "The casing can reach 110 °C. Let it cool down below 40 °C before you touch it.")
    s += [h2("1.4 Rules for everyone near the pump")]
    s += [bullets(
        "Wear eye protection, safety shoes and hearing protection. The sound pressure level at 1 m is 78 dB(A) at the rated point.",
        "Never run the pump without the coupling guard. The guard may be removed only when the main switch is locked.",
        "Never run the pump dry, not even to check the direction of rotation for longer than 2 seconds.",
        "Keep the emergency stop within 3 m of the pump free at all times.")]
    s += [PageBreak()]

    s += [h1("2 Technical data"), h2("2.1 Hydraulic data")]
    s += table([70, 49, 49], [
        ["Property", "Value", "Unit"],
        ["Rated flow", "120", "m³/h"], ["Rated head", "62", "m"], ["Shut-off head", "71", "m"],
        ["Rated speed", "2960", "rpm"], ["Minimum continuous flow", "25", "m³/h"],
        ["NPSH required at rated flow", "3.8", "m"], ["Maximum working pressure of the casing", "16", "bar"],
        ["Liquid temperature", "-10 to +110", "°C"], ["Impeller diameter", "247", "mm"],
        ["Suction flange", "DN 100 PN 16", ""], ["Discharge flange", "DN 80 PN 16", ""],
    ], "Table 1: Hydraulic data at 20 °C, water")
    s += [h2("2.2 Motor and electrical data")]
    s += table([70, 98], [
        ["Property", "Value"],
        ["Rated power", "37 kW"], ["Voltage and frequency", "400 V, 50 Hz, three phases"], ["Rated current", "65 A"],
        ["Efficiency class", "IE4"], ["Degree of protection", "IP55"], ["Starting", "Star-delta or frequency converter, at most 8 starts an hour"],
        ["Motor bearings", "6312-C3 on both sides"], ["Winding protection", "Three PTC thermistors, trip at 150 °C"],
    ], "Table 2: Motor and electrical data")
    s += [PageBreak(), h2("2.3 Weights and dimensions")]
    s += table([70, 98], [
        ["Property", "Value"],
        ["Pump with bearing bracket", "142 kg"], ["Motor", "285 kg"], ["Complete set with base plate", "518 kg"],
        ["Length x width x height", "1540 mm x 560 mm x 690 mm"],
    ], "Table 3: Weights and dimensions")
    s += [h2("2.4 Lubricants")]
    s += table([48, 72, 48], [
        ["Point", "Lubricant", "Quantity"],
        ["Pump bearings", "Lithium grease NLGI 2, KP2K-30", "18 g per bearing"],
        ["Motor bearings", "Polyurea grease NLGI 2", "23 g per bearing"],
        ["Coupling", "None, the elastic elements run dry", "-"],
    ], "Table 4: Lubricants and quantities")
    s += [h2("2.5 Performance at 2960 rpm")]
    s += table([42, 42, 42, 42], [
        ["Flow", "Head", "Shaft power", "NPSH required"],
        ["0 m³/h", "71.0 m", "15.2 kW", "-"], ["25 m³/h", "70.4 m", "18.1 kW", "2.1 m"], ["60 m³/h", "69.0 m", "22.6 kW", "2.4 m"],
        ["90 m³/h", "66.3 m", "25.9 kW", "2.9 m"], ["120 m³/h", "62.0 m", "28.4 kW", "3.8 m"], ["140 m³/h", "57.8 m", "30.1 kW", "4.9 m"],
    ], "Table 5: Performance with impeller 247 mm, water at 20 °C")
    s += [p("With a frequency converter the flow changes in proportion to the speed, the head with the square and the power with the cube of the speed.")]
    s += [PageBreak()]

    s += [h1("3 Transport and installation"), h2("3.1 Transport")]
    s += [p("Lift the complete set only at the four eye bolts of the base plate. The slings must carry at least 750 kg and form an angle of "
            "no more than 60°. Never lift the set at the eye bolt of the motor, which is made for the motor alone.")]
    s += [p("Store the pump dry at 5 °C to 40 °C. Turn the shaft by hand by one and a quarter turns every 4 weeks, so that the bearings do not "
            "mark. After more than 12 months of storage renew the grease before commissioning.")]
    s += [KeepTogether([section_drawing(), Paragraph("Figure 1: Pump set. 1 casing, 3 bearing bracket, 4 coupling, 5 motor, 6 base plate", CAPTION)])]
    s += [h2("3.2 Foundation")]
    s += [p("The foundation must be level within 0.5 mm per metre and at least three times as heavy as the set. Grout the base plate with "
            "non-shrinking mortar and let it harden for 48 hours before the anchor bolts are tightened.")]
    s += [h2("3.3 Piping")]
    s += [bullets(
        "Support the pipes in front of the flanges. The flanges must come together without force; no more than 0.2 mm out of parallel.",
        "The suction pipe rises steadily to the pump and is straight over at least 500 mm in front of the suction flange.",
        "Fit a strainer with 3 mm mesh in the suction pipe for the first 100 operating hours, then remove it.",
        "Fit a non-return valve in the discharge pipe when the static head is more than 10 m.")]
    s += [h2("3.4 Alignment of the coupling")]
    s += [p("Align the coupling after grouting, after connecting the pipes and once more at operating temperature. The radial offset must not "
            "exceed 0.10 mm and the angular offset 0.05 mm, measured at the rim of the coupling. The gap between the coupling halves is 4 mm ± 1 mm.")]
    s += [h2("3.5 Electrical connection")]
    s += [p("Connect the motor according to the diagram inside the terminal box. Connect the three PTC thermistors to a tripping device. "
            "Earth the base plate with at least 16 mm² copper. Set the motor protection to 65 A.")]
    s += [PageBreak()]

    s += [h1("4 Commissioning"), h2("4.1 Before the first start")]
    s += [steps(
        "Check that the anchor bolts, flange bolts and coupling bolts are tightened as in chapter 7.",
        "Turn the shaft by hand. It must turn evenly and without noise.",
        "Open the suction valve fully and close the discharge valve.",
        "Fill pump and suction pipe and vent them through vent plug V1 until liquid comes out without bubbles.",
        "Fit the coupling guard.",
        "Switch the motor on for no more than 2 seconds and check the direction of rotation. Seen from the motor, the shaft turns clockwise.")]
    s += [h2("4.2 First start")]
    s += [steps(
        "Start the motor with the discharge valve closed.",
        "When full speed is reached, open the discharge valve slowly until the rated pressure of 6.1 bar is shown. Do not run against the closed valve for more than 60 seconds.",
        "Check current, pressure, vibration and leakage against Table 6.",
        "After 2 hours check the bearing temperature. It must not exceed 80 °C.",
        "After 24 hours stop the pump, lock it out, check the alignment and tighten the bolts of the base plate again.")]
    s += table([70, 49, 49], [
        ["Value", "Normal", "Stop the pump at"],
        ["Discharge pressure", "6.1 bar", "below 4.5 bar"], ["Motor current", "58 A to 63 A", "above 68 A"],
        ["Vibration velocity at the bearing bracket", "up to 2.8 mm/s", "7.1 mm/s"],
        ["Bearing temperature", "50 °C to 70 °C", "90 °C"],
        ["Leakage of the mechanical seal", "up to 3 drops a minute", "more than 20 drops a minute"],
    ], "Table 6: Values to be checked at the first start and in operation")
    s += [h2("4.3 Record")]
    s += [p("Enter the measured values in the commissioning record and keep it with the manual. Warranty claims about bearings and seals need "
            "the record of the alignment.")]
    s += [PageBreak()]

    s += [h1("5 Operation"), h2("5.1 Starting and stopping")]
    s += [p("Start the pump only when it is filled and vented. To stop it, close the discharge valve to a quarter, switch off the motor and then "
            "close the discharge valve fully. Watch how the shaft comes to rest: it must coast for at least 15 seconds. A shorter time is a "
            "sign of a damaged bearing or a rubbing impeller.")]
    s += [h2("5.2 Limits in operation")]
    s += [bullets(
        "Flow between 25 m³/h and 140 m³/h. Below the minimum flow the pump heats up and vibrates.",
        "Speed with a frequency converter between 1450 rpm and 2960 rpm. The band from 2150 rpm to 2250 rpm must be skipped because of resonance.",
        "At most 8 starts an hour, evenly spread.",
        "Ambient temperature between -10 °C and +40 °C.")]
    s += [h2("5.3 Standstill")]
    s += [p("A stand-by pump is run for 10 minutes every week. When there is danger of frost, drain the pump through drain plug D1. Before a "
            "standstill of more than 3 months, drain the pump and preserve it with a water-displacing oil.")]
    s += [h2("5.4 Emergency stop")]
    s += [p("The emergency stop cuts off the motor at once. After an emergency stop, find and remove the cause, pull out the mushroom button "
            "and acknowledge at the control cabinet with key switch S3 before the pump is started again.")]
    s += note("NOTICE", TEAL, "Cavitation sounds like gravel in the pump. Reduce the flow at once and look for the cause as described in chapter 8.")
    s += [PageBreak()]

    s += [h1("6 Maintenance"), h2("6.1 Maintenance schedule")]
    s += table([36, 84, 48], [
        ["Interval", "Work", "By"],
        ["Every day", "Look and listen: leakage, noise, pressure, current", "Operator"],
        ["Every week", "Run the stand-by pump for 10 minutes", "Operator"],
        ["Every 500 hours", "Measure vibration at the bearing bracket, clean the motor's fan cover", "Maintenance"],
        ["Every 2000 hours", "Relubricate the pump bearings with 18 g of grease each", "Maintenance"],
        ["Every 4000 hours", "Check the coupling elements and the alignment; relubricate the motor bearings with 23 g of grease each", "Maintenance"],
        ["Every 8000 hours", "Replace the mechanical seal and the casing gasket", "Maintenance"],
        ["Every 16000 hours or 3 years", "Replace the pump bearings 6205-2RS and 6307-C3, check the wear rings", "Maintenance or service"],
    ], "Table 7: Maintenance schedule in operating hours")
    s += [h2("6.2 Relubricating the pump bearings")]
    s += [p("The pump bearings must be relubricated every 2000 operating hours, and at least once a year. At liquid temperatures above 80 °C "
            "halve the interval to 1000 operating hours.")]
    s += [steps(
        "Clean the grease nipples on the bearing bracket.",
        "With the pump running, press in 18 g of lithium grease KP2K-30 at each bearing.",
        "Let the pump run for 30 minutes and check that the bearing temperature falls below 70 °C again.",
        "Enter date, operating hours and quantity in the maintenance log.")]
    s += note("NOTICE", TEAL, "Do not mix lithium grease and polyurea grease. Too much grease makes the bearings hot.")
    s += [h2("6.3 Checking the coupling")]
    s += [p("Replace the elastic coupling elements when the play between the coupling halves is more than 6° or when cracks can be seen. "
            "Always replace all elements together.")]
    s += [PageBreak()]
    s += [h2("6.4 Replacing the mechanical seal")]
    s += [p("The mechanical seal is replaced every 8000 operating hours or when it leaks more than 20 drops a minute. The work takes two "
            "persons about 4 hours.")]
    s += [steps(
        "Lock out the pump, close both valves and drain the pump through drain plug D1.",
        "Remove the coupling guard and the spacer of the coupling. The motor can stay in its place.",
        "Remove the twelve casing nuts M12 and pull the back pull-out unit out of the casing.",
        "Hold the impeller and remove the impeller nut M20. The thread is right-handed.",
        "Pull off the impeller and the rotating part of the seal. Press the stationary ring out of the cover.",
        "Clean the seat. Press in the new stationary ring by hand with soapy water; never use grease or oil.",
        "Mount the new seal so that its length is 42.5 mm, then the impeller and a new lock washer.",
        "Put in a new casing gasket and tighten the casing nuts crosswise in two passes as in chapter 7.",
        "Turn the shaft by hand, fill and vent the pump, and check for leaks at operating pressure.")]
    s += [h2("6.5 Replacing the pump bearings")]
    s += [p("The impeller side has a deep groove ball bearing 6205-2RS, the coupling side a deep groove ball bearing 6307-C3. Heat the new "
            "bearings to 90 °C before mounting, never above 110 °C. Press only on the inner ring. The axial play of the shaft must be between "
            "0.05 mm and 0.15 mm after mounting.")]
    s += [h2("6.6 Wear rings")]
    s += [p("The clearance between impeller and wear ring is 0.30 mm when new. Replace the wear ring when the clearance is more than 0.80 mm or "
            "when the head has fallen by more than 8 %.")]
    s += [PageBreak()]

    s += [h1("7 Tightening torques"), p("Tighten with a calibrated torque wrench. The values apply to lightly oiled threads; reduce them by 10 % for greased threads.")]
    s += [h2("7.1 Bolts of the pump set")]
    s += table([70, 30, 30, 38], [
        ["Connection", "Thread", "Class", "Torque"],
        ["Coupling bolts", "M10", "10.9", "49 Nm"], ["Coupling guard", "M8", "8.8", "12 Nm"],
        ["Casing nuts", "M12", "8.8", "75 Nm"], ["Impeller nut", "M20", "A4-70", "140 Nm"],
        ["Seal cover", "M8", "A4-70", "18 Nm"], ["Bearing cover", "M8", "8.8", "22 Nm"],
        ["Bearing bracket to casing foot", "M16", "8.8", "190 Nm"], ["Motor feet", "M16", "8.8", "190 Nm"],
        ["Base plate anchor bolts", "M20", "8.8", "280 Nm"], ["Drain plug D1 and vent plug V1", "G 1/2", "-", "45 Nm"],
    ], "Table 8: Tightening torques of the pump set")
    s += [h2("7.2 Flange bolts")]
    s += table([70, 30, 30, 38], [
        ["Flange", "Bolts", "Gasket", "Torque"],
        ["Suction flange DN 100 PN 16", "8 x M16", "Graphite", "110 Nm"],
        ["Discharge flange DN 80 PN 16", "8 x M16", "Graphite", "95 Nm"],
    ], "Table 9: Tightening torques of the flange bolts")
    s += [p("Tighten flange bolts crosswise in three passes at 30 %, 60 % and 100 % of the torque. Check them again after the first 24 hours.")]
    s += [PageBreak()]

    s += [h1("8 Troubleshooting"), p("Lock out the pump before you look for a cause inside the guard or the casing.")]
    s += table([38, 62, 68], [
        ["Symptom", "Possible cause", "Remedy"],
        ["Pump delivers nothing", "Pump or suction pipe not filled", "Stop, fill and vent through vent plug V1"],
        ["Pump delivers nothing", "Wrong direction of rotation", "Exchange two phases at the motor"],
        ["Pressure too low", "Wear ring worn, clearance above 0.80 mm", "Replace wear ring HP-4420-07"],
        ["Pressure too low", "Strainer in the suction pipe blocked", "Clean the strainer"],
        ["Noise like gravel", "Cavitation: suction head too low or liquid too hot", "Reduce the flow, open the suction valve fully, raise the level in the suction tank"],
        ["Vibration above 7.1 mm/s", "Coupling out of alignment", "Align to 0.10 mm radial and 0.05 mm angular offset"],
        ["Vibration above 7.1 mm/s", "Impeller unbalanced or clogged", "Clean and balance the impeller"],
        ["Bearing hotter than 90 °C", "Too much or too little grease", "Correct the quantity: 18 g per bearing"],
        ["Bearing hotter than 90 °C", "Pipe forces on the casing", "Support the pipes, check the alignment"],
        ["Seal leaks more than 20 drops a minute", "Sliding faces worn or pump ran dry", "Replace mechanical seal HP-4433-01"],
        ["Motor protection trips", "Flow above 140 m³/h", "Throttle the discharge valve"],
        ["Motor protection trips", "Voltage unbalance above 2 %", "Have the mains checked by an electrician"],
        ["Fault code E14 at the control cabinet", "PTC thermistor above 150 °C", "Let the motor cool for 30 minutes, clean the fan cover, check the load"],
        ["Fault code E21 at the control cabinet", "No flow signal 20 seconds after the start", "Check the flow switch and the suction valve"],
    ], "Table 10: Symptoms, causes and remedies")
    s += [PageBreak()]

    s += [h1("9 Spare parts"), h2("9.1 Parts list")]
    s += table([14, 74, 44, 36], [
        ["Pos.", "Part", "Part number", "Quantity"],
        ["1", "Casing, EN-GJL-250", "HP-4401-80", "1"], ["2", "Impeller 247 mm, bronze", "HP-4410-247", "1"],
        ["3", "Bearing bracket", "HP-4405-02", "1"], ["4", "Coupling, complete with spacer", "HP-4450-110", "1"],
        ["5", "Motor 37 kW, IE4", "HP-4460-37", "1"], ["6", "Base plate", "HP-4470-01", "1"],
        ["7", "Wear ring", "HP-4420-07", "2"], ["8", "Mechanical seal 43 mm, SiC/SiC/EPDM", "HP-4433-01", "1"],
        ["9", "Casing gasket", "HP-4421-12", "1"], ["10", "Deep groove ball bearing, impeller side", "6205-2RS", "1"],
        ["11", "Deep groove ball bearing, coupling side", "6307-C3", "1"], ["12", "Coupling elements, set of 8", "HP-4451-08", "1 set"],
        ["13", "Impeller nut M20 with lock washer", "HP-4412-20", "1"], ["14", "Shaft, 1.4021", "HP-4403-04", "1"],
        ["15", "Flow switch", "HP-4480-21", "1"],
    ], "Table 11: Parts list")
    s += [h2("9.2 Recommended stock")]
    s += [p("Keep the following parts in stock for two years of operation: one mechanical seal HP-4433-01, one casing gasket HP-4421-12, one "
            "set of coupling elements HP-4451-08, and one bearing each 6205-2RS and 6307-C3. The delivery time of an impeller is 6 weeks.")]
    s += [h2("9.3 Ordering")]
    s += [p("Orders need the pump type, the serial number from the type plate on the bearing bracket, the part number and the quantity. "
            "Send them to parts@hallstedt-pumpen.example.")]
    doc.build(s)


def shade(cell, colour):
    element = OxmlElement("w:shd")
    element.set(qn("w:val"), "clear")
    element.set(qn("w:fill"), colour)
    cell._tc.get_or_add_tcPr().append(element)


def docx_table(doc, widths, rows):
    grid = doc.add_table(rows=0, cols=len(widths), style="Table Grid")
    grid.alignment = WD_TABLE_ALIGNMENT.LEFT
    for index, row in enumerate(rows):
        cells = grid.add_row().cells
        for cell, text, width in zip(cells, row, widths):
            cell.width = Cm(width)
            run = cell.paragraphs[0].add_run(text)
            run.font.size = Pt(9.5)
            run.bold = index == 0
            if index == 0:
                shade(cell, "12324A")
                run.font.color.rgb = RGBColor(255, 255, 255)
    header = grid.rows[0]._tr.get_or_add_trPr()
    header.append(OxmlElement("w:tblHeader"))
    doc.add_paragraph()


def procedure():
    doc = Document()
    moment = datetime.datetime(2025, 3, 3, 8, 0, 0)
    core = doc.core_properties
    core.title, core.author, core.created, core.modified = "Lockout-tagout procedure LOTO-017, filling line 3", "Plant safety office", moment, moment
    normal = doc.styles["Normal"]
    normal.font.name, normal.font.size = "Calibri", Pt(11)
    for level, size in (("Title", 24), ("Heading 1", 15), ("Heading 2", 12)):
        doc.styles[level].font.name, doc.styles[level].font.size = "Calibri", Pt(size)
        doc.styles[level].font.color.rgb = RGBColor(0x12, 0x32, 0x4A)
    doc.add_heading("Lockout-tagout procedure LOTO-017", 0)
    doc.add_paragraph("Filling line 3, carton erector KE-31 and conveyor TB-32. Valid from 3 March 2025, revision 2. Owner: plant safety office.")
    docx_table(doc, [5, 11], [
        ["Item", "Value"], ["Machine", "Carton erector KE-31 with conveyor TB-32"], ["Location", "Hall B, filling line 3, between columns B7 and B9"],
        ["Authorized persons", "Mechanics and electricians with a valid LOTO card"], ["Number of lock points", "5"], ["Time needed", "About 12 minutes"],
    ])
    doc.add_heading("1 Purpose", 1)
    doc.add_paragraph("This procedure keeps people safe who clear jams, clean, adjust or repair the carton erector and the conveyor. It applies whenever a guard is opened or a part of the body can reach a danger zone. Clearing a jam with the pusher tool through the service flap needs no lockout.")
    doc.add_heading("2 Energy sources and lock points", 1)
    docx_table(doc, [1.6, 3.6, 4.2, 3.2, 3.6], [
        ["Point", "Energy", "Isolating device", "Location", "Lock"],
        ["E1", "Electrical, 400 V", "Main switch Q1", "Control cabinet +S31", "Red padlock"],
        ["E2", "Electrical, 400 V", "Main switch Q2 of the conveyor", "Control cabinet +S32", "Red padlock"],
        ["P1", "Compressed air, 6 bar", "Shut-off valve V12 with venting", "Behind the erector, 1.2 m high", "Red padlock with valve cover"],
        ["H1", "Glue, 170 °C", "Glue unit heater switch S7", "Glue unit GU-31", "Blue padlock"],
        ["G1", "Gravity, lifting table 85 kg", "Safety prop B4", "Below the lifting table", "Red padlock with chain"],
    ])
    doc.add_heading("3 Shutting down and locking", 1)
    for text in (
        "Tell the line operator and the shift lead that the line will be locked out.",
        "Stop the line with the button “Stop at end of cycle” and wait until the lifting table is at the top.",
        "Switch off main switch Q1 and main switch Q2 and lock each with your personal red padlock.",
        "Close shut-off valve V12, wait until the gauge shows 0 bar, and lock the valve.",
        "Switch off the glue unit with S7 and lock it. Let the glue cool for at least 45 minutes before you touch the nozzles.",
        "Put safety prop B4 under the lifting table and secure it with chain and padlock.",
        "Hang your tag with name, date, telephone number and reason at every lock.",
    ):
        doc.add_paragraph(text, style="List Number")
    doc.add_heading("4 Verifying zero energy", 1)
    doc.add_paragraph("Nobody may reach into the machine before zero energy is verified by the person who locked it.")
    for text in (
        "Press the start button at the operator panel. Nothing may move.",
        "An electrician checks with a two-pole voltage tester at terminals X1.1 to X1.3 that there is no voltage.",
        "Check that the gauge at V12 shows 0 bar and that the grippers can be moved by hand.",
        "Push the lifting table with 200 N. It must rest on the prop.",
    ):
        doc.add_paragraph(text, style="List Bullet")
    doc.add_heading("5 Work of several persons", 1)
    doc.add_paragraph("Each person hangs an own padlock on the group lock box LB-3. The key of the lock points lies inside the box. At a change of shift the incoming person hangs the padlock before the outgoing person removes the own one.")
    doc.add_heading("6 Returning to service", 1)
    for text in (
        "Remove tools and check that all guards are closed.",
        "Count the persons. Everybody must stand outside the yellow line.",
        "Each person removes the own padlock and tag. Nobody removes the padlock of another person.",
        "Remove safety prop B4, then open V12 slowly over 10 seconds, then switch on Q2 and Q1 in this order.",
        "Switch on the glue unit. It needs 25 minutes to reach 170 °C.",
        "Run three empty cycles in jog mode before production starts.",
    ):
        doc.add_paragraph(text, style="List Number 2")
    doc.add_heading("7 Forgotten padlock", 1)
    doc.add_paragraph("A padlock of a person who is not on site may be cut only by the plant manager on duty and the safety officer together, after the person was called and the machine was searched. Form SF-22 is filled in and kept for 5 years.")
    doc.add_heading("8 Training and audit", 1)
    doc.add_paragraph("Training is repeated every 12 months. The safety office audits one lockout on each line every quarter with checklist CL-17.")
    path = HERE / "lockout-procedure.docx"
    doc.save(path)
    fix_times(path)


def fix_times(path):
    """Writes a package again with one fixed time for all parts, so that the same script gives the same bytes."""
    with zipfile.ZipFile(path) as package:
        parts = [(info.filename, package.read(info)) for info in package.infolist()]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        for name, data in parts:
            info = zipfile.ZipInfo(name, (2025, 3, 3, 8, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            package.writestr(info, data)


REPORT = """# Downtime report, filling line 3, week 9 of 2025

Reporting period: Monday 24 February 2025, 06:00, to Sunday 2 March 2025, 22:00. Three shifts on five days, two shifts at the
weekend. Prepared by the line 3 team for the daily meeting on 3 March 2025.

## Summary

Line 3 ran 101.4 of 116.0 planned hours. Availability was 87.4 %, which is 3.1 points below the target of 90.5 %. The
carton erector KE-31 caused 52 % of all lost time. The overall equipment effectiveness (OEE) of the week was 78.9 %.

| Figure | Week 9 | Week 8 | Target |
|---|---|---|---|
| Planned production time | 116.0 h | 116.0 h | - |
| Unplanned stops | 14.6 h | 9.8 h | 11.0 h |
| Availability | 87.4 % | 91.6 % | 90.5 % |
| Performance | 93.2 % | 93.5 % | 94.0 % |
| Quality | 96.9 % | 97.1 % | 97.5 % |
| OEE | 78.9 % | 83.1 % | 82.9 % |

## Stops longer than 10 minutes

| No. | Date | Start | Duration | Machine | Cause | Action |
|---|---|---|---|---|---|---|
| 1 | 24 Feb | 07:42 | 38 min | Carton erector KE-31 | Suction cups worn, cartons dropped | Suction cups SC-40-NBR replaced |
| 2 | 24 Feb | 15:10 | 22 min | Labeller LB-33 | Label web torn | Web brake adjusted |
| 3 | 25 Feb | 02:25 | 215 min | Carton erector KE-31 | Bearing 6205-2RS of the drive shaft seized | Bearing and shaft seal replaced |
| 4 | 25 Feb | 11:05 | 54 min | Filler FM-30 | Valve 17 leaking | Seat gasket replaced |
| 5 | 26 Feb | 08:30 | 46 min | Pump HP-CX 80-250, cooling water | Fault code E21, no flow signal | Flow switch cleaned |
| 6 | 26 Feb | 19:15 | 95 min | Carton erector KE-31 | Servo drive fault F3017, encoder cable broken in the drag chain | Cable replaced, chain radius corrected |
| 7 | 27 Feb | 05:50 | 64 min | Conveyor TB-32 | Gearbox oil leak | Oil refilled, repair planned |
| 8 | 27 Feb | 13:20 | 110 min | Carton erector KE-31 | Glue nozzle 2 blocked | Nozzle cleaned, filter replaced |
| 9 | 28 Feb | 09:05 | 72 min | Palletizer PZ-35 | Light curtain dirty, safety stop | Light curtain cleaned |
| 10 | 1 Mar | 10:40 | 85 min | Filler FM-30 | Waiting for product from the mixing room | Tank level alarm raised from 15 % to 25 % |
| 11 | 2 Mar | 16:30 | 75 min | Labeller LB-33 | Camera lost its teach-in data after a power dip | Data restored, UPS ordered |

## Stop 3: seized bearing

The bearing 6205-2RS on the drive shaft of the carton erector seized at 02:25 on 25 February. The temperature had been rising
for six days, but the alarm limit was set to 120 °C. A spare bearing had to be fetched from the central store, which took
95 minutes of the 215 minutes. The cause was grease washed out by high-pressure cleaning.

Corrective actions:

1. The alarm limit of the bearing temperature was lowered to 85 °C on 26 February.
2. Two bearings 6205-2RS are now kept at the line, cabinet C3.
3. The cleaning instruction forbids high-pressure cleaning of the drive side from 10 March.

## Open points

| No. | Point | Responsible | Due |
|---|---|---|---|
| A1 | Replace the gearbox seal of conveyor TB-32 | Mechanical maintenance | 14 March 2025 |
| A2 | Fit an uninterruptible power supply to the camera of LB-33 | Electrical maintenance | 28 March 2025 |
| A3 | Move the drag chain of KE-31 to a bend radius of 75 mm | Engineering | 21 March 2025 |
| A4 | Add the flow switch of the cooling water pump to the 500 hour inspection | Planning | 7 March 2025 |
"""


def report():
    (HERE / "downtime-report.md").write_text(REPORT, encoding="utf-8")


if __name__ == "__main__":
    manual()
    procedure()
    report()
