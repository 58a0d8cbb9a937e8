"""The Decide page's refusals and doubts: prices, workloads, what can't be said of a device."""

from __future__ import annotations

from core.i18n import N_

DECIDE = {
    # what was entered
    "not_a_number": N_(
        "{name} must be a number such as 1500 or 0.25, with a point and no other signs, not “{value}”."
    ),
    "price_missing": N_("{name} must be above 0: a machine that costs nothing is one that you own."),
    "currency_missing": N_("Say the currency that all prices are in, for example EUR."),
    "text_too_long": N_("{name} may have at most {limit} characters."),
    "odd_text": N_("{name} holds characters that can't be shown. Type it again."),
    "date_unreadable": N_("{value} isn't a date: write it as 2026-11-29, or leave it empty."),
    "date_in_future": N_("{value} is yet to come: give the day on which the price was looked up."),
    "plan_without_images": N_(
        "Say how many images an epoch has, or how many seconds an epoch takes on today's machine."
    ),
    "no_baseline": N_(
        "Seconds per epoch of today's machine say nothing of other devices until one of the measured devices stands for it. Choose which one, or give the number of images."
    ),
    "plan_too_long": N_("One run would take about {years} years here. Check the number of images and epochs."),
    "prices_too_large": N_(
        "{name} is larger than {limit_kib} KiB, which no table of prices is. Nothing was read."
    ),
    "prices_twice": N_(
        "Row {row} names {device} with “{way}” a second time. Keep one of them, or give each a name; nothing was read."
    ),
    "offer_twice": N_(
        "There is an offer of that name already, of the same device in the same way. Take another name."
    ),
    "offers_full": N_("More than {most} offers of one device in one way aren't kept. Remove one first."),
    "device_left_out": N_("{device} is left out: {reason}"),
    # what a time rests on
    "projected_run": N_(
        "A projection: {timed:,} images were timed, and the whole run has {needed:,}. Heat and other load over hours aren't in the interval, nor is testing between epochs."
    ),
    "time_by_ratio": N_(
        "A projection: the seconds per epoch that you gave, times the ratio of the two measured speeds. It holds as far as your training is like the measured one."
    ),
    "time_told": N_("The time is the one that you gave; nobody measured it here, and it has no interval."),
    "told_differs": N_(
        "Today's machine takes {factor} times as long as the measured speed says. Your training differs from the measured one, and the other devices' times may be as far off."
    ),
    "extrapolated_size": N_(
        "Extrapolated: measured with images of {measured} pixels, and time is taken to grow with their number up to {wanted}. Measure at that size to be sure."
    ),
    "size_not_known": N_(
        "The size of the measured images isn't known, so the time wasn't adapted to the size of yours."
    ),
    "other_batch": N_("Batch size {wanted} wasn't measured here; the speed is that of batch size {measured}."),
    "batches_differ": N_(
        "This is the speed at batch size {batch}, today's machine is taken at {other}. Training with larger batches may need more epochs: compare the time to accuracy."
    ),
    "start_up_not_counted": N_("Start-up wasn't measured here and isn't counted."),
    "speed_recorded": N_("Recorded: measured on another machine, whose recording comes with Crossover."),
    "speed_imported": N_("Imported: somebody else's measurement, from a file."),
    "speed_predicted": N_("Predicted, not measured."),
    "speed_doubtful": N_("The measurement behind this is doubtful: see its run in the results."),
    "several_machines": N_(
        "A month has too few hours for one machine: {machines} are needed at once, and are counted in the price."
    ),
    "month_too_short": N_(
        "A month has too few hours for it: {machines} such machines would be needed at once."
    ),
    # energy and prices
    "power_assumed": N_("Energy wasn't measured here: {watts:g} W are assumed, as the table of prices says."),
    "rest_not_counted": N_(
        "Only the energy of the measured device is counted, not that of the machine around it: the table of prices says 0 W."
    ),
    "co2_estimated": N_(
        "CO2 is an estimate: energy times one factor for the grid, which changes by country and by hour. What making the machine took isn't in it."
    ),
    "price_example": N_("The price is an example value, not a quote: put in your own."),
    "price_undated": N_("The price has no date: it may be out of date."),
    "price_unsourced": N_("The price has no source."),
    "electricity_example": N_(
        "The price of electricity and the grid's CO2 are example values: put in your own."
    ),
    "electricity_undated": N_(
        "The price of electricity and the grid's CO2 have no date: they may be out of date."
    ),
    "electricity_unsourced": N_("The price of electricity and the grid's CO2 have no source."),
    "electricity_free": N_("Electricity is taken to cost nothing."),
    # memory
    "memory_fitted": N_("It fits: batch size {batch} was measured on this device."),
    "memory_with_images": N_(
        "With your images kept on the device it needs about {needed} GiB, and the device has {has} GiB; measured at batch size {batch}."
    ),
    "memory_was_full": N_("It doesn't fit: memory ran out at batch size {batch} when it was measured."),
    "memory_images": N_(
        "The images alone take {needed} GiB, and this setup keeps them on a device of {has} GiB. Load them batch by batch instead."
    ),
    "memory_other_size": N_(
        "Larger images than the measured ones need more memory; how much more isn't known."
    ),
    "memory_not_measured": N_("Not known: the largest batch size that was measured here is {batch}."),
    "memory_more_images": N_(
        "Not known: you have more images than were measured, and the memory in use wasn't measured."
    ),
    "memory_predicted": N_("Not known: nothing was measured on this device."),
    # break-even
    "after_use": N_("That is after the {months:g} months for which the machine is to be used."),
    "over_capacity": N_("One machine does at most {runs:,.10g} such runs a month."),
}

# The fields that a refusal may name, as a person knows them.
FIELDS = {
    "images": N_("Images per epoch"),
    "epochs": N_("Epochs"),
    "runs_per_month": N_("Runs per month"),
    "side": N_("Image side"),
    "batch_size": N_("Batch size"),
    "today_epoch_s": N_("Seconds per epoch today"),
    "device": N_("Device"),
    "way": N_("Own, rent or buy"),
    "name": N_("Name of the offer"),
    "per_hour": N_("Rent per hour"),
    "unit_s": N_("Billed unit in seconds"),
    "boot_s": N_("Billed start in seconds"),
    "used_pct": N_("Used share of the rented time in %"),
    "monthly_fee": N_("Fee per month"),
    "purchase": N_("Purchase price"),
    "months": N_("Months of use"),
    "share_pct": N_("Share of the purchase price in %"),
    "rest_w": N_("Watts of the rest of the machine"),
    "assumed_w": N_("Watts of the device where they weren't measured"),
    "date": N_("Date of the price"),
    "source": N_("Source of the price"),
    "currency": N_("Currency"),
    "per_kwh": N_("Price per kWh"),
    "grid_g": N_("Grams of CO2 per kWh"),
    "hour_value": N_("Value of an hour of waiting"),
}
