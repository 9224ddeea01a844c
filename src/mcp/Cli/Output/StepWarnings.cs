using Mcp.V1;

namespace Mcp.Cli.Output;

/// <summary>Steps that were done, and about which there is something to know all the same: a success with words.</summary>
internal static class StepWarnings
{
    /// <summary>Prints them.</summary>
    public static void Print(CommandContext context, IEnumerable<StepResult> steps)
    {
        foreach (var step in steps.Where(s => s is { Success: true, Skipped: false, Error.Length: > 0 }))
            context.Reporter.Warning($"{step.Step}: {step.Error}");
    }
}
