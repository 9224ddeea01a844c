using Mcp.V1;

namespace Mcp.Cli.Output;

/// <summary>Shows the events of a running operation on standard error: redrawn on a terminal, one line for each event elsewhere.</summary>
internal abstract class ProgressDisplay : IAsyncDisposable
{
    /// <summary>The display that fits where standard error leads.</summary>
    public static ProgressDisplay Open(CommandContext context) =>
        context.ErrorIsTerminal && context.Colours ? new TerminalProgress(context) : new PlainProgress(context);

    /// <summary>Takes the next event.</summary>
    public abstract void Show(OperationEvent e);

    /// <summary>Leaves the last state on the screen and gives the terminal back.</summary>
    public abstract ValueTask DisposeAsync();

    /// <summary>How a step ended, in words.</summary>
    protected static string Ending(StepResult result) =>
        result.Skipped ? $"{result.Step}{Because(result.Error)}"
        : result.Success ? $"{result.Step} ({Measures.Span(TimeSpan.FromMilliseconds(result.Millis))})"
        : $"{result.Step}{Because(result.Error)}";

    private static string Because(string reason) => reason.Length == 0 ? "" : $": {reason}";
}
