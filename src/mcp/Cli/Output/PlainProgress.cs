using Mcp.Text;
using Mcp.V1;

namespace Mcp.Cli.Output;

/// <summary>Progress for files, pipes and dumb terminals: a line when something new is said, and at most every two seconds for a count.</summary>
internal sealed class PlainProgress(CommandContext context, bool summaryFollows) : ProgressDisplay(summaryFollows)
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private readonly Dictionary<string, TransferRate> _rates = new(StringComparer.Ordinal);
    private DateTimeOffset _lastCount = DateTimeOffset.MinValue;
    private string _lastLine = "";

    /// <inheritdoc/>
    public override void Show(OperationEvent e)
    {
        if (e.Result is { } result)
        {
            if (!IsToldLater(result))
                Write((result.Skipped ? "skip " : !result.Success ? "FAIL " : result.Error.Length > 0 ? "warn " : "ok   ") + Ending(result));
            return;
        }
        // The end of a step is told anyway; its mere beginning is news only where the screen shows what goes on now.
        if (e.Outcome is not null || (e.Message.Length == 0 && e.Done == 0))
            return;
        var amount = "";
        if (e.Done > 0 || e.Total > 0)
        {
            if (!_rates.TryGetValue(e.Step, out var rate))
                _rates[e.Step] = rate = new TransferRate();
            var now = context.Clock.GetUtcNow();
            amount = e.Unit == "bytes" ? $"  {rate.Describe(e.Done, e.Total, now)}" : e.Total > 0 ? $"  {e.Done} of {e.Total}" : $"  {e.Done}";
            if (now - _lastCount < Interval)
                return;
            _lastCount = now;
        }
        Write($"...  {e.Step}{(e.Message.Length > 0 ? $": {e.Message}" : "")}{amount}");
    }

    /// <inheritdoc/>
    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Write(string line)
    {
        if (line == _lastLine)
            return;
        _lastLine = line;
        context.Error.WriteLine(Printable.Line(line));
    }
}
