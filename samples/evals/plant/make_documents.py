#!/usr/bin/env python3
"""Makes the tables of this suite: work orders and gear units as CSV, instruments as XLSX.

All plants, machines, people and figures are invented. The output is checked in, so that nobody needs to run this: it is here so
that the tables can be changed. Needs nothing but Python; the same version gives the same bytes. When a table changes, look
through cases.jsonl: its answers were written from these tables.
"""

import csv
import datetime
import random
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

HERE = Path(__file__).resolve().parent / "documents"
SEED = 20250301
ORDERS = 320

# Asset, share of the orders, and what happens to it: short text, type, hours, cost, as (least, most).
ASSETS = [
    ("FM-30", 5, [
        ("Valve {valve} drips, seat gasket replaced", "corrective", (1, 3), (40, 120)),
        ("Filling level of valve {valve} out of tolerance, readjusted", "corrective", (0.5, 1.5), (0, 20)),
        ("CIP return sensor dirty, cleaned", "corrective", (0.5, 1), (0, 10)),
        ("Quarterly inspection of filler", "preventive", (5, 8), (150, 320)),
    ]),
    ("KE-31", 7, [
        ("Suction cups replaced, all 8", "preventive", (0.5, 1), (118, 119)),
        ("Carton jam at folding station, guide straightened", "corrective", (0.5, 2), (0, 60)),
        ("Glue nozzle {nozzle} blocked, cleaned and filter replaced", "corrective", (1, 2), (20, 45)),
        ("F3021 at lifting table, torque limit checked", "corrective", (1, 3), (0, 30)),
        ("Toothed belt of folding station retensioned", "preventive", (0.5, 1.5), (0, 10)),
    ]),
    ("TB-32", 3, [
        ("Belt tracking corrected", "corrective", (0.5, 1.5), (0, 10)),
        ("Roller {roller} noisy, bearing replaced", "corrective", (1, 3), (25, 70)),
        ("Oil level of gearbox checked, {litres} l refilled", "preventive", (0.5, 0.5), (5, 15)),
    ]),
    ("LB-33", 5, [
        ("Label web torn, brake lining replaced", "corrective", (0.5, 2), (15, 40)),
        ("Camera IC-7 without teach-in data, restored", "corrective", (0.5, 1), (0, 0)),
        ("Pressure roller LB-3307 worn, replaced", "corrective", (1, 2), (60, 95)),
        ("Transport chain oiled", "preventive", (0.5, 0.5), (2, 5)),
    ]),
    ("PZ-35", 3, [
        ("Light curtain dirty, cleaned", "corrective", (0.5, 1), (0, 0)),
        ("Gripper pad {pad} loose, bolted again", "corrective", (0.5, 1.5), (0, 15)),
        ("Six-month inspection of palletizer", "preventive", (6, 10), (200, 480)),
    ]),
    ("P-301", 3, [
        ("Pump bearings relubricated, 18 g each", "preventive", (0.5, 1), (5, 10)),
        ("E21 after start, flow switch cleaned", "corrective", (0.5, 1), (0, 0)),
        ("Mechanical seal leaks, HP-4433-01 replaced", "corrective", (4, 5), (420, 460)),
    ]),
    ("VK-37", 2, [
        ("Air filter VK-1011 replaced", "preventive", (0.5, 1), (45, 60)),
        ("A07, cooler blown out", "corrective", (1, 2), (0, 10)),
        ("W09, sieve of condensate drain cleaned", "corrective", (0.5, 1), (0, 0)),
    ]),
]
CREWS = ["Mechanics A", "Mechanics B", "Electricians", "Contractor Rieger"]


def work_orders():
    rng = random.Random(SEED)
    day = datetime.date(2024, 9, 2)
    weights = [share for _, share, _ in ASSETS]
    rows = []
    for number in range(1, ORDERS + 1):
        day += datetime.timedelta(days=rng.choice([0, 0, 0, 1, 1, 1]))
        asset, _, jobs = rng.choices(ASSETS, weights)[0]
        text, kind, hours, cost = rng.choice(jobs)
        text = text.format(valve=rng.randint(1, 24), nozzle=rng.randint(1, 4), roller=rng.randint(1, 16),
                           pad=rng.randint(1, 6), litres=rng.choice(["0.2", "0.3", "0.4"]))
        rows.append([
            f"WO-{4000 + number}", day.isoformat(), asset, text, kind,
            f"{rng.randint(round(2 * hours[0]), round(2 * hours[1])) / 2:.1f}",
            f"{rng.randint(100 * cost[0], 100 * cost[1]) / 100:.2f}",
            rng.choice(CREWS), "open" if number > ORDERS - 6 else "closed",
        ])
    write_csv("work-orders.csv", ["Order", "Date", "Asset", "Short text", "Type", "Hours", "Cost EUR", "Crew", "Status"], rows)


def gear_units():
    write_csv("gear-units.csv", [
        "Type", "Ratio", "Rated torque Nm", "Input speed rpm", "Oil", "Oil quantity l", "Oil change h", "Shaft seal", "Mass kg", "Mounted at",
    ], [
        ["GU-40", "12.5", "180", "1450", "CLP PG 220", "0.9", "10000", "GU40-S30", "14", "Infeed conveyor TB-28"],
        ["GU-50", "20.0", "340", "1450", "CLP PG 220", "1.6", "10000", "GU50-S35", "23", "Bottle table BT-29"],
        ["GU-63", "25.0", "620", "1450", "CLP PG 220", "2.6", "10000", "GU63-S45", "38", "Conveyor TB-32"],
        ["GU-80", "31.5", "1150", "1450", "CLP PG 460", "4.8", "8000", "GU80-S55", "71", "Palletizer PZ-35, lift"],
        ["GU-100", "40.0", "2300", "960", "CLP PG 460", "8.5", "8000", "GU100-S70", "128", "Mixer MX-12"],
        ["GU-125", "50.0", "4400", "960", "CLP HC 460", "14.0", "16000", "GU125-S85", "215", "Spare, central store"],
    ])


INSTRUMENTS = [
    ["Tag", "Service", "Instrument", "Range", "Low alarm", "High alarm", "Calibration every", "Location"],
    ["PT-3011", "Cooling water, pump P-301 discharge", "Pressure transmitter", "0 to 10 bar", "4.5 bar", "7.0 bar", "12 months", "Pump room"],
    ["FS-3012", "Cooling water, pump P-301", "Flow switch HP-4480-21", "-", "-", "-", "6 months", "Pump room"],
    ["TT-3013", "Bearing temperature, pump P-301", "Resistance thermometer Pt100", "0 to 150 °C", "-", "80 °C", "24 months", "Pump room"],
    ["VT-3014", "Vibration, pump P-301", "Vibration transmitter", "0 to 20 mm/s", "-", "4.5 mm/s", "24 months", "Pump room"],
    ["LT-3021", "Product tank T-5", "Level transmitter", "0 to 100 %", "25 %", "92 %", "12 months", "Mixing room"],
    ["LT-3022", "Fresh water tank T-7", "Level transmitter", "0 to 100 %", "20 %", "95 %", "12 months", "Filler room"],
    ["CT-3031", "CIP return, filler FM-30", "Conductivity transmitter", "0 to 200 µS/cm", "-", "30 µS/cm", "3 months", "Filler room"],
    ["TT-3032", "CIP supply, filler FM-30", "Resistance thermometer Pt100", "0 to 120 °C", "76 °C", "85 °C", "6 months", "Filler room"],
    ["FT-3033", "CIP supply, filler FM-30", "Magnetic flow meter", "0 to 30 m³/h", "14 m³/h", "-", "24 months", "Filler room"],
    ["TT-3101", "Drive shaft bearing, KE-31", "Resistance thermometer Pt100", "0 to 150 °C", "-", "85 °C", "24 months", "Hall B, column B7"],
    ["PT-3102", "Vacuum, KE-31", "Pressure transmitter", "-1 to 0 bar", "-0.50 bar", "-", "12 months", "Hall B, column B7"],
    ["PT-3201", "Compressed air network", "Pressure transmitter", "0 to 16 bar", "6.2 bar", "8.2 bar", "12 months", "Compressor room"],
    ["DP-3202", "Compressed air dryer", "Dew point meter", "-60 to +20 °C", "-", "+3 °C", "12 months", "Compressor room"],
    ["GT-3203", "Compressor room", "Carbon monoxide detector", "0 to 300 ppm", "-", "30 ppm", "6 months", "Compressor room"],
]


def write_csv(name, head, rows):
    with open(HERE / name, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(head)
        writer.writerows(rows)


def instruments():
    def cell(column, row, text):
        return f'<c r="{chr(65 + column)}{row}" t="inlineStr"><is><t>{escape(text)}</t></is></c>'

    rows = "".join(
        f'<row r="{at}">' + "".join(cell(column, at, text) for column, text in enumerate(row)) + "</row>"
        for at, row in enumerate(INSTRUMENTS, 1)
    )
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{types}.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" Type="{office}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="Instruments line 3" sheetId="1" '
        'r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
        "xl/worksheets/sheet1.xml": f'<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>',
    }
    with zipfile.ZipFile(HERE / "instruments-line-3.xlsx", "w", zipfile.ZIP_STORED) as book:
        for name, text in parts.items():
            book.writestr(zipfile.ZipInfo(name, (2025, 3, 3, 8, 0, 0)), head + text)


if __name__ == "__main__":
    work_orders()
    gear_units()
    instruments()
