using Mcp.V1;

namespace Mcp.Cli.Output;

/// <summary>Shows the events of a running operation on standard error: redrawn on a terminal, one line for each event elsewhere.</summary>
internal abstract class ProgressDisplay(bool summaryFollows) : IAsyncDisposable
{
    /// <summary>The display that fits where standard error leads.</summary>
    /// <param name="context">The terminal.</param>
    /// <param name="summaryFollows">A summary on standard output names skipped steps and warnings: they are not told twice.</param>
    public static ProgressDisplay Open(CommandContext context, bool summaryFollows = false) =>
        context.ErrorIsTerminal && context.Colours ? new TerminalProgress(context, summaryFollows) : new PlainProgress(context, summaryFollows);

    /// <summary>Takes the next event.</summary>
    public abstract void Show(OperationEvent e);

    /// <summary>Leaves the last state on the screen and gives the terminal back.</summary>
    public abstract ValueTask DisposeAsync();

    /// <summary>Whether the summary will say it.</summary>
    protected bool IsToldLater(StepResult result) => summaryFollows && (result.Skipped || (result.Success && result.Error.Length > 0));

    /// <summary>How a step ended, in words.</summary>
    protected static string Ending(StepResult result) =>
        result.Skipped ? $"{result.Step}{Because(result.Error)}"
        : result.Success && result.Error.Length == 0 ? $"{result.Step} ({Measures.Span(TimeSpan.FromMilliseconds(result.Millis))})"
        : $"{result.Step}{Because(result.Error)}";

    private static string Because(string reason) => reason.Length == 0 ? "" : $": {reason}";
}
