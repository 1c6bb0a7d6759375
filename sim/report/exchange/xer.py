"""Primavera P6's XER, experimental: enough tables for P6 and other readers to open the schedule.

An XER file is a backup that P6 restores, global codes and resources included, which is why its owners hate imports.
This one brings a project, its own calendars and work breakdown, tasks, links and two fields, and nothing global that
would stay behind but those fields. Where MSPDI will do, use that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time
from math import isnan

from sim.report.exchange.export import ExportedResult
from sim.report.exchange.importers.statused_schedule import UDF_NAME, activity_id
from sim.report.exchange.schedule_model import Hours, Schedule, Task, Week, clock, week_of

Row = Mapping[str, object]
PROJECT, ROOT, FIRST_GROUP, FIRST_TASK = 1, 1, 100, 1000
DAYS_AFTER_THE_END = 60
FORBIDDEN = str.maketrans("|<>", "   ")
BREAKS = str.maketrans("\t\r\n", "   ")
UDF_P80, UDF_CRITICAL, UDF_P50, UDF_FLOAT, UDF_ID = 1, 2, 3, 4, 5
LAGS_ON = "rcal_24Hour"
PREFIX = "SIM_"
"""Prefix of every code that P6 keeps beyond the project."""
_EPOCH, _DAYS_END = date(1899, 12, 30), time(23, 59)
FIELDS = {
    "PROJECT": (
        "proj_id fy_start_month_num rsrc_self_add_flag allow_complete_flag rsrc_multi_assign_flag checkout_flag "
        "project_flag step_complete_flag cost_qty_recalc_flag batch_sum_flag name_sep_char def_complete_pct_type "
        "proj_short_name acct_id orig_proj_id source_proj_id base_type_id clndr_id sum_base_proj_id task_code_base "
        "task_code_step priority_num wbs_max_sum_level strgy_priority_num last_checksum critical_drtn_hr_cnt "
        "def_cost_per_qty last_recalc_date plan_start_date plan_end_date scd_end_date add_date last_tasksum_date "
        "fcst_start_date def_duration_type task_code_prefix guid def_qty_type add_by_name web_local_root_path "
        "proj_url def_rate_type add_act_remain_flag act_this_per_link_flag def_task_type act_pct_link_flag "
        "critical_path_type task_code_prefix_flag def_rollup_dates_flag use_project_baseline_flag "
        "rem_target_link_flag reset_planned_flag allow_neg_act_flag sum_assign_level last_fin_dates_id "
        "last_baseline_update_date cr_external_key apply_actuals_date fintmpl_id last_schedule_date location_id "
        "loaded_scope_level export_flag new_fin_dates_id baselines_to_export baseline_names_to_export next_data_date "
        "close_period_flag sum_refresh_date trsrcsum_loaded sumtask_loaded"
    ),
    "PROJWBS": (
        "wbs_id proj_id obs_id seq_num est_wt proj_node_flag sum_data_flag status_code wbs_short_name wbs_name "
        "phase_id parent_wbs_id ev_user_pct ev_etc_user_value orig_cost indep_remain_total_cost ann_dscnt_rate_pct "
        "dscnt_period_type indep_remain_work_qty anticip_start_date anticip_end_date ev_compute_type "
        "ev_etc_compute_type guid tmpl_guid plan_open_state"
    ),
    "RSRC": (
        "rsrc_id parent_rsrc_id clndr_id role_id shift_id user_id pobs_id guid rsrc_seq_num email_addr employee_code "
        "office_phone other_phone rsrc_name rsrc_short_name rsrc_title_name def_qty_per_hr cost_qty_type ot_factor "
        "active_flag auto_compute_act_flag def_cost_qty_link_flag ot_flag curr_id unit_id rsrc_type location_id "
        "rsrc_notes load_tasks_flag level_flag last_checksum"
    ),
    "UDFTYPE": (
        "udf_type_id table_name udf_type_name udf_type_label logical_data_type super_flag indicator_expression "
        "summary_indicator_expression export_flag"
    ),
    "TASK": (
        "task_id proj_id wbs_id clndr_id phys_complete_pct rev_fdbk_flag est_wt lock_plan_flag auto_compute_act_flag "
        "complete_pct_type task_type duration_type status_code task_code task_name rsrc_id total_float_hr_cnt "
        "free_float_hr_cnt remain_drtn_hr_cnt act_work_qty remain_work_qty target_work_qty target_drtn_hr_cnt "
        "target_equip_qty act_equip_qty remain_equip_qty cstr_date act_start_date act_end_date late_start_date "
        "late_end_date expect_end_date early_start_date early_end_date restart_date reend_date target_start_date "
        "target_end_date rem_late_start_date rem_late_end_date cstr_type priority_type suspend_date resume_date "
        "float_path float_path_order guid tmpl_guid cstr_date2 cstr_type2 driving_path_flag act_this_per_work_qty "
        "act_this_per_equip_qty external_early_start_date external_late_end_date create_date update_date create_user "
        "update_user location_id crt_path_num"
    ),
    "TASKPRED": "task_pred_id task_id pred_task_id proj_id pred_proj_id pred_type lag_hr_cnt comments float_path aref arls",
    "TASKRSRC": (
        "taskrsrc_id task_id proj_id cost_qty_link_flag role_id acct_id rsrc_id pobs_id skill_level remain_qty "
        "target_qty remain_qty_per_hr target_lag_drtn_hr_cnt target_qty_per_hr act_ot_qty act_reg_qty "
        "relag_drtn_hr_cnt ot_factor cost_per_qty target_cost act_reg_cost act_ot_cost remain_cost act_start_date "
        "act_end_date restart_date reend_date target_start_date target_end_date rem_late_start_date rem_late_end_date "
        "rollup_dates_flag target_crv remain_crv actual_crv ts_pend_act_end_flag guid rate_type act_this_per_cost "
        "act_this_per_qty curv_id rsrc_type cost_per_qty_source_type create_user create_date has_rsrchours "
        "taskrsrc_sum_id"
    ),
    "UDFVALUE": "udf_type_id fk_id proj_id udf_date udf_number udf_text udf_code_id",
}
"""The columns of P6 23.12, in its order; strict readers (xerparser, PyP6XER) ask for all of them."""


def xer(exported: ExportedResult) -> bytes:
    """Return an exported result as XER (tabs, CRLF, Windows-1252)."""
    tables: list[tuple[str, list[Row]]] = [
        ("CURRTYPE", [_currency()]),
        ("PROJECT", [_project(exported)]),
        ("SCHEDOPTIONS", [_options(exported)]),
        ("CALENDAR", list(_calendars(exported.schedule))),
        ("PROJWBS", list(_wbs(exported))),
        ("RSRC", list(_resources(exported.schedule))),
        ("UDFTYPE", list(_udf_types())),
        ("TASK", list(_tasks(exported))),
        ("TASKPRED", list(_links(exported.schedule))),
        ("TASKRSRC", list(_assignments(exported))),
        ("UDFVALUE", list(_udf_values(exported))),
    ]  # fmt: skip
    created = exported.schedule.moment(0).strftime("%Y-%m-%d")
    header = ["ERMHDR", "19.12", created, "Project", "admin", "admin", "", "Project Management", "USD"]
    lines = ["\t".join(header)]
    for name, rows in tables:
        lines += _table(name, rows)
    return ("\r\n".join([*lines, "%E"]) + "\r\n").encode("cp1252", errors="replace")


def _table(name: str, rows: Sequence[Row]) -> Iterable[str]:
    """Yield the lines of one table with all columns that P6 has for it; none if it has no rows."""
    if rows:
        fields = FIELDS[name].split() if name in FIELDS else list(rows[0])
        yield f"%T\t{name}"
        yield "\t".join(["%F", *fields])
        for row in rows:
            # most fields of a table are empty in most rows
            yield "\t".join(["%R", *(_cell_text(row[field]) if field in row else "" for field in fields)])


def _cell_text(value: object) -> str:
    """Return a value as XER has it."""
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    text = str(value)
    # what can be printed has no break in it; asking is faster than replacing
    return text if text.isprintable() else text.translate(BREAKS)


def _without_forbidden(text: object) -> str:
    """Return a name without the characters that P6 cannot keep in one."""
    return str(text).translate(FORBIDDEN)


def _currency() -> Row:
    return {"curr_id": 1, "decimal_digit_cnt": 2, "curr_symbol": "$", "decimal_symbol": ".", "digit_group_symbol": ",",
            "pos_curr_fmt_type": "#1.1", "neg_curr_fmt_type": "(#1.1)", "curr_type": "US Dollar",
            "curr_short_name": "USD", "group_digit_cnt": 3, "base_exch_rate": 1}  # fmt: skip


def _project(exported: ExportedResult) -> Row:
    """Return the row of PROJECT; its planned end stays empty, as P6 would read it as a date that must be kept."""
    schedule = exported.schedule
    end = max((task.finish for task in schedule.tasks), default=0)
    return {"proj_id": PROJECT, "fy_start_month_num": 1, "proj_short_name": _without_forbidden(exported.name)[:40],
            "clndr_id": 1, "export_flag": "Y", "plan_start_date": schedule.moment(0), "plan_end_date": "",
            "scd_end_date": schedule.moment(end), "last_recalc_date": schedule.moment(max(0, exported.since - 1)),
            "def_duration_type": "DT_FixedDrtn",
            "task_code_base": 1000, "task_code_step": 10, "critical_drtn_hr_cnt": 0, "def_task_type": "TT_Task",
            "add_date": schedule.moment(0), "name_sep_char": ".", "def_complete_pct_type": "CP_Drtn", "priority_num": 10,
            "def_qty_type": "QT_Hour", "def_rate_type": "COST_PER_QTY", "def_cost_per_qty": 0,
            "critical_path_type": "CT_TotFloat", "task_code_prefix": "A", "wbs_max_sum_level": 2,
            "sum_assign_level": "SL_Taskrsrc", **dict.fromkeys(_FLAGS_YES, "Y"), **dict.fromkeys(_FLAGS_NO, "N")}  # fmt: skip


_FLAGS_YES = ("rsrc_self_add_flag", "allow_complete_flag", "rsrc_multi_assign_flag", "project_flag", "batch_sum_flag",
        "act_this_per_link_flag", "task_code_prefix_flag", "def_rollup_dates_flag", "use_project_baseline_flag")  # fmt: skip
_FLAGS_NO = ("checkout_flag", "step_complete_flag", "cost_qty_recalc_flag", "add_act_remain_flag", "act_pct_link_flag",
       "rem_target_link_flag", "reset_planned_flag", "allow_neg_act_flag")  # fmt: skip


def _calendars(schedule: Schedule) -> Iterable[Row]:
    """Yield the rows of CALENDAR: the project's own calendars."""
    end = max((task.finish for task in schedule.tasks), default=0) + DAYS_AFTER_THE_END * 1440
    for number, (name, calendar) in enumerate(schedule.calendars.items(), 1):
        week = week_of(calendar, schedule.project.scale.start_date, end)
        daily_minutes = sorted(sum(finish - begin for begin, finish in hours) for hours in week.days)
        hours = daily_minutes[3] / 60 or 8.0  # of the middle day of the week
        yield {"clndr_id": number, "default_flag": "N", "clndr_name": f"{name} ({schedule.project.name})",
               "proj_id": PROJECT, "base_clndr_id": "", "last_chng_date": "", "clndr_type": "CA_Project",
               "day_hr_cnt": hours, "week_hr_cnt": sum(daily_minutes) / 60, "month_hr_cnt": sum(daily_minutes) / 60 * 52 / 12,
               "year_hr_cnt": sum(daily_minutes) / 60 * 52, "clndr_data": _clndr_data(week)}  # fmt: skip


def _clndr_data(week: Week) -> str:
    """Return a week and its exceptions in the nested brackets of P6's `clndr_data`."""
    days = "".join(
        f"(0||{(weekday + 1) % 7 + 1}()({_times(hours)}))"
        for weekday, hours in sorted(enumerate(week.days), key=lambda pair: (pair[0] + 1) % 7)
    )
    exceptions = "".join(
        f"(0||{number}(d|{(day - _EPOCH).days})({_times(hours)}))"
        for number, (day, hours) in enumerate(week.exceptions.items())
    )
    return f"(0||CalendarData()((0||DaysOfWeek()({days}))(0||VIEW(ShowTotal|N)())(0||Exceptions()({exceptions}))))"


def _times(hours: Hours) -> str:
    """Return the working times of a day."""
    return "".join(f"(0||{number}(s|{clock(begin)}|f|{clock(end)})())" for number, (begin, end) in enumerate(hours))


def _options(exported: ExportedResult) -> Row:
    """Return the row of SCHEDOPTIONS: P6's defaults in all columns, but lags count by the clock."""
    logic = exported.result.manifest.get("forecast", {}).get("logic", "retained_logic")
    override, retained = ("Y", "N") if logic == "progress_override" else ("N", "Y")
    return {"schedoptions_id": 1, "proj_id": PROJECT, "sched_outer_depend_type": "SD_Both", "sched_open_critical_flag": "N",
            "sched_lag_early_start_flag": "Y", "sched_retained_logic": retained, "sched_setplantoforecast": "N",
            "sched_float_type": "FT_FF", "sched_calendar_on_relationship_lag": LAGS_ON, "sched_use_expect_end_flag": "Y",
            "sched_progress_override": override, "level_float_thrs_cnt": 0, "level_outer_assign_flag": "N",
            "level_outer_assign_priority": 5, "level_over_alloc_pct": 25, "level_within_float_flag": "N",
            "level_keep_sched_date_flag": "Y", "level_all_rsrc_flag": "Y", "sched_use_project_end_date_for_float": "Y",
            "enable_multiple_longest_path_calc": "N", "limit_multiple_longest_path_calc": "Y",
            "max_multiple_longest_path": 10, "use_total_float_multiple_longest_paths": "N",
            "key_activity_for_multiple_longest_paths": "", "LevelPriorityList": ""}  # fmt: skip


def _wbs(exported: ExportedResult) -> Iterable[Row]:
    """Yield the rows of PROJWBS: the project's node, whose code is the project's short name, and a node a heading."""
    name = _without_forbidden(exported.name)[:40]
    common = {
        "proj_id": PROJECT,
        "obs_id": "",
        "seq_num": 0,
        "est_wt": 1,
        "status_code": "WS_Open",
        "sum_data_flag": "N",
        "orig_cost": 0,
        "indep_remain_total_cost": 0,
        "ev_compute_type": "EC_Cmp_pct",
        "ev_etc_compute_type": "EE_Rem_hr",
    }
    yield {"wbs_id": ROOT, **common, "proj_node_flag": "Y", "wbs_short_name": name,
           "wbs_name": _without_forbidden(exported.result.manifest["strategy"] or name), "parent_wbs_id": ""}  # fmt: skip
    nodes = _nodes(exported.schedule)
    siblings: dict[tuple[str, ...], int] = {}
    for group, number in nodes.items():
        siblings[group[:-1]] = position = siblings.get(group[:-1], 0) + 1
        yield {"wbs_id": number, **common, "seq_num": number, "proj_node_flag": "N", "wbs_short_name": str(position),
               "wbs_name": _without_forbidden(group[-1]), "parent_wbs_id": nodes.get(group[:-1], ROOT)}  # fmt: skip


def _nodes(schedule: Schedule) -> dict[tuple[str, ...], int]:
    """Return the number of every heading."""
    return {group: FIRST_GROUP + number for number, group in enumerate(schedule.groups)}


def _resources(schedule: Schedule) -> Iterable[Row]:
    """The trades, the only thing beside two fields that P6 keeps beyond the project: named with our prefix."""
    for number, trade in enumerate(_trades(schedule), 1):
        yield {"rsrc_id": number, "parent_rsrc_id": "", "clndr_id": 1, "rsrc_seq_num": number, "rsrc_name": trade,
               "rsrc_short_name": f"{PREFIX}{trade}"[:40], "rsrc_type": "RT_Labor", "active_flag": "Y",
               "auto_compute_act_flag": "N", "ot_flag": "N", "def_qty_per_hr": 1, "curr_id": 1}  # fmt: skip


def _trades(schedule: Schedule) -> list[str]:
    return sorted({trade for task in schedule.tasks for trade in task.people})


def _assignments(exported: ExportedResult) -> Iterable[Row]:
    """Yield the rows of TASKRSRC: how many hours people of each trade work on each activity, done and remaining."""
    schedule = exported.schedule
    trades = {trade: number for number, trade in enumerate(_trades(schedule), 1)}
    pairs = ((task, trade, people) for task in schedule.tasks for trade, people in task.people.items())
    for number, (task, trade, people) in enumerate(pairs, 1):
        has_begun, has_ended, remaining = exported.progress(task)
        start, finish = schedule.moment(task.start), schedule.moment(task.finish)
        yield {"taskrsrc_id": number, "task_id": FIRST_TASK + task.number, "proj_id": PROJECT, "rsrc_id": trades[trade],
               "remain_qty": people * remaining / 60, "act_reg_qty": people * (task.minutes - remaining) / 60,
               "target_qty": people * task.minutes / 60, "remain_qty_per_hr": people, "target_qty_per_hr": people,
               **dict.fromkeys(_ZERO_COLUMNS, 0), "cost_qty_link_flag": "N", "rollup_dates_flag": "Y",
               "rsrc_type": "RT_Labor", "target_start_date": start, "target_end_date": finish,
               "act_start_date": start if has_begun else "", "act_end_date": finish if has_ended else ""}  # fmt: skip


_ZERO_COLUMNS = ("act_ot_qty", "target_cost", "act_reg_cost", "act_ot_cost", "remain_cost", "cost_per_qty",
            "target_lag_drtn_hr_cnt", "relag_drtn_hr_cnt", "act_this_per_cost", "act_this_per_qty")  # fmt: skip


def _tasks(exported: ExportedResult) -> Iterable[Row]:
    """The activities, each under its heading and on its calendar."""
    nodes = _nodes(exported.schedule)
    calendars = {name: number for number, name in enumerate(exported.schedule.calendars, 1)}
    for task in exported.schedule.tasks:
        fields = _task(exported.schedule, task, nodes[task.group], calendars[task.calendar])
        yield {**fields, **_progress(exported, task)}


def _progress(exported: ExportedResult, task: Task) -> Row:
    """Return the columns of TASK that say what is done of an activity at the data date, and what remains."""
    has_begun, has_ended, remaining = exported.progress(task)
    if not has_begun:
        return {}
    start, finish = exported.schedule.moment(task.start), exported.schedule.moment(task.finish)
    people = sum(task.people.values())
    columns = {"act_start_date": start, "remain_drtn_hr_cnt": remaining / 60, "remain_work_qty": remaining / 60 * people,
            "act_work_qty": (task.minutes - remaining) / 60 * people, "cstr_type": "", "cstr_date": "",
            "phys_complete_pct": round(100 * (1 - remaining / task.minutes)) if task.minutes else 100}  # fmt: skip
    if has_ended:
        return columns | {"status_code": "TK_Complete", "act_end_date": finish, "restart_date": "", "reend_date": ""}
    pause = exported.pause(task)
    goes_on = exported.schedule.moment(exported.since if pause is None else pause.resumed)
    if pause is not None and pause.suspended is not None:
        columns |= {"suspend_date": exported.schedule.moment(pause.suspended), "resume_date": goes_on}
    return columns | {"status_code": "TK_Active", "restart_date": goes_on}


def _task(schedule: Schedule, task: Task, group: int, calendar: int) -> Row:
    """Return the row of TASK of one activity; an earliest date only where more than its links held it back."""
    start, finish, hours = schedule.moment(task.start), schedule.moment(task.finish), task.minutes / 60
    work = hours * sum(task.people.values())
    constraint, earliest = _earliest(start, finish) if task.held_back else ("", "")
    # a date of the contract changes late dates and float only
    deadline = ("CS_MEOB", datetime.combine(task.due, _DAYS_END)) if task.due else ("", "")
    first_constraint, second_constraint = ((constraint, earliest), deadline) if constraint else (deadline, ("", ""))
    return {"task_id": FIRST_TASK + task.number, "proj_id": PROJECT,
            "wbs_id": group, "clndr_id": calendar,
            "phys_complete_pct": 0, "complete_pct_type": "CP_Drtn", "duration_type": "DT_FixedDrtn",
            "task_type": "TT_FinMile" if task.milestone else "TT_Task", "status_code": "TK_NotStart",
            "task_code": f"A{FIRST_TASK + 10 * task.number}", "task_name": _without_forbidden(task.name)[:120], "rsrc_id": "",
            "remain_drtn_hr_cnt": hours, "target_drtn_hr_cnt": hours, "cstr_date": first_constraint[1],
            "early_start_date": start, "early_end_date": finish, "restart_date": start, "reend_date": finish,
            "target_start_date": start, "target_end_date": finish, "cstr_type": first_constraint[0],
            "cstr_type2": second_constraint[0], "cstr_date2": second_constraint[1],
            "priority_type": "PT_Normal", "est_wt": 1, "target_work_qty": work, "remain_work_qty": work,
            **dict.fromkeys(("act_work_qty", "target_equip_qty", "act_equip_qty", "remain_equip_qty"), 0),
            **dict.fromkeys(("rev_fdbk_flag", "lock_plan_flag", "auto_compute_act_flag", "driving_path_flag"), "N"),
            }  # fmt: skip


def _earliest(start: datetime, finish: datetime) -> tuple[str, datetime]:
    """Return the constraint that keeps a start: on or after it; where that is midnight, on or after the finish.

    P6 reads a start of 00:00 as a date without a time of day and takes that of the logic (so does MPXJ's scheduler).
    """
    return ("CS_MSOA", start) if start.time() != time() else ("CS_MEOA", finish)


def _links(schedule: Schedule) -> Iterable[Row]:
    """The links, with lags by the clock."""
    pairs = ((task.number, link) for task in schedule.tasks for link in task.after)
    for number, (task, link) in enumerate(pairs, 1):
        yield {"task_pred_id": number, "task_id": FIRST_TASK + task, "pred_task_id": FIRST_TASK + link.number,
               "proj_id": PROJECT, "pred_proj_id": PROJECT, "pred_type": f"PR_{link.type}",
               "lag_hr_cnt": link.lag / 60}  # fmt: skip


def _udf_types() -> Iterable[Row]:
    """Yield the rows of UDFTYPE: our user-defined fields, of types that P6 has."""
    for number, name, label, data_type in (
        (UDF_P80, "sim_p80_finish", "P80 finish (simulated)", "FT_END_DATE"),
        (UDF_P50, "sim_p50_finish", "P50 finish (simulated)", "FT_END_DATE"),
        (UDF_CRITICAL, "sim_critical_pct", "Critical in % of runs", "FT_FLOAT_2_DECIMALS"),
        (UDF_FLOAT, "sim_total_float_days", "Total float in days (simulated)", "FT_FLOAT_2_DECIMALS"),
        (UDF_ID, UDF_NAME, "Activity id (simulated)", "FT_TEXT"),
    ):
        yield {"udf_type_id": number, "table_name": "TASK", "udf_type_name": name, "udf_type_label": label,
               "logical_data_type": data_type, "super_flag": "N"}  # fmt: skip


def _udf_values(exported: ExportedResult) -> Iterable[Row]:
    """Yield the rows of UDFVALUE: id, P50 and P80 finish, criticality and total float of every task that has them."""
    for task in exported.schedule.tasks:
        task_keys = {"fk_id": FIRST_TASK + task.number, "proj_id": PROJECT}
        if task.activity:
            yield {"udf_type_id": UDF_ID, **task_keys, "udf_text": activity_id(task.unit, task.activity, task.key[1])}
        if quantiles := exported.quantiles.get(task.key):
            for field, minute in ((UDF_P80, quantiles.p80), (UDF_P50, quantiles.p50)):
                yield {"udf_type_id": field, **task_keys, "udf_date": exported.schedule.moment(round(minute))}
            if not isnan(quantiles.critical):
                yield {"udf_type_id": UDF_CRITICAL, **task_keys, "udf_number": round(100 * quantiles.critical, 1)}
        if (total_float := exported.total_float.get(task.key)) is not None:
            yield {"udf_type_id": UDF_FLOAT, **task_keys, "udf_number": round(total_float / 1440, 1)}
