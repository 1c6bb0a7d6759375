"""The publications behind the collected facts, by section; what a number takes from them is said beside the number."""

from __future__ import annotations

PUBLICATIONS = {
    "§1a Total duration": "Epoch AI, Frontier Data Centers and data-center build-out speeds (2025); ENR and DPR on"
    " Abilene; Construction Dive on Vantage Ashburn; DPR on CyrusOne Phoenix; JLL 2026 outlook, SynMax and Sightline"
    " on late projects.",
    "§1b Stages": "Epoch AI notes on Shackelford, Abilene and Goodnight; data-center bid template A100-A140;"
    " Data Center Knowledge on NxPower (2011); gantt-chart.co.uk commissioning timeline; S&P Global on Texas air"
    " permits.",
    "§1c Commissioning levels": "irecruit.co and build.inc for what L1 to L5 are; durations and failures are"
    " estimates.",
    "§1d IT fit-out": "Supermicro and The Register on NVL72 racks; The Miner Mag on Denton; Teslarati on Colossus;"
    " Epoch AI on Abilene building 1.",
    "§1e Shell area": "Meta, Crusoe and Microsoft on Hyperion, Abilene and Fairwater; Poolside press.",
    "§1f Cost": "Cushman & Wakefield Data Center Development Cost Guide 2025; JLL Outlook 2026; Turner & Townsend"
    " DCCI 2025-26; Bernstein (October 2025); Epoch AI; The Information on Abilene.",
    "§2 Labour": "Press on peak workforces of Abilene, Hyperion and Fairwater; BLS for Midland; Target Hospitality on"
    " camps; MCAA factors; Business Roundtable and CII on overtime; meglancompanies.com CCT-12; Faithful+Gould and"
    " Thomas on learning. Most splits and ranges are estimates.",
    "§3 Supply chain": "Cushman & Wakefield 2025; Wood Mackenzie on transformers; McKinsey; archdesk 2026;"
    " gridreadiness.com; ProEnergy; Schneider and Crusoe on module plants.",
    "§4 Logistics": "TxDOT and Texas permit guides; 49 CFR 395.3; ATRI operational costs 2025; MEI Rigging & Crating;"
    " Helios (Clayco).",
    "§5 Weather": "National Weather Service, climate-zone.com; OSHA; WSJ on Denton; typical meteorological years TMY3"
    " (NREL/TP-581-43156).",
    "§6 Energisation": "GE and S&P Global on mobile aero-derivative units; Epoch AI on Abilene and Socrates South.",
    "§7 Finance and revenue": "Applied Digital, Hyperion and Galaxy financings; IREN-Microsoft contract; SemiAnalysis;"
    " Nebius and CoreWeave accounting lives.",
    "§8 Where sources disagree": "The hybrid claim of Poolside Horizon against the rows above.",
    "CASES": "Published projects: Stargate Abilene, xAI Colossus 1, Microsoft Fairwater, Meta Hyperion, CyrusOne"
    " Phoenix, NxGen NxPower, Schneider Red Oak, Poolside Horizon.",
}
