using System.Globalization;
using Mcp.V1;

namespace Mcp.Master.Migrations;

/// <summary>What a migration tells at its end.</summary>
internal static class MigrationOutcome
{
    /// <summary>The result of one that is committed.</summary>
    public static MigrateResult Of(MigrationRow row, MigrationIntent intent, IEnumerable<StepResult> steps)
    {
        var detail = row.Detail;
        var result = new MigrateResult
        {
            Service = intent.Spec.Name,
            Source = intent.Source,
            Target = intent.Target,
            Success = true,
            Bytes = detail.Trailer?.Bytes ?? 0,
            InterruptionMillis = intent.Plan.Running && detail.RunningAt > 0 ? Math.Max(0, detail.RunningAt - detail.StoppedAt) : 0,
            Operation = row.Operation,
            Epoch = row.Epoch,
            Plan = intent.Plan,
            Generation = detail.Deployed?.Generation ?? intent.Generation,
            Pin = intent.Plan.Pin.Length > 0 ? intent.Target : "",
            AsideUntil = row.AsideUntil ?? "",
        };
        result.Steps.AddRange(steps);
        result.Skipped.AddRange(detail.Trailer?.Skipped ?? intent.Plan.Skipped);
        return result;
    }

    /// <summary>The result of a dry run.</summary>
    public static MigrateResult Planned(MigrationIntent intent) => new()
    {
        Service = intent.Spec.Name,
        Source = intent.Source,
        Target = intent.Target,
        Success = true,
        Bytes = intent.Plan.Bytes,
        Epoch = intent.Plan.Epoch,
        Plan = intent.Plan,
        Pin = intent.Plan.Pin.Length > 0 ? intent.Target : "",
        Skipped = { intent.Plan.Skipped },
    };

    /// <summary>A span in words: <c>2.4 s</c>.</summary>
    public static string Seconds(long millis) => string.Create(CultureInfo.InvariantCulture, $"{millis / 1000.0:0.0} s");
}
