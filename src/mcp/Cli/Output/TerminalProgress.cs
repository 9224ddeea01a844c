using System.Collections.Concurrent;
using Mcp.Text;
using Mcp.V1;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Mcp.Cli.Output;

/// <summary>Progress on a terminal: one line a step with a spinner, a bar where the end is known, and how each step ended.</summary>
internal sealed class TerminalProgress : ProgressDisplay
{
    private static readonly Mark Ended = new("✓", Color.Green);

    private readonly CommandContext _context;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ProgressTask> _tasks = new(StringComparer.Ordinal);
    // Drawn by a thread of its own.
    private readonly ConcurrentDictionary<int, Mark> _marks = [];
    private readonly Dictionary<string, TransferRate> _rates = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource<ProgressContext> _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _drawing;

    /// <summary>Takes the lower part of the terminal until it is disposed.</summary>
    public TerminalProgress(CommandContext context, bool summaryFollows)
        : base(summaryFollows)
    {
        _context = context;
        var console = Screen.OpenConsole(context.Error, colours: true, Screen.TerminalWidth(), redraws: true);
        _drawing = console.Progress()
            .AutoClear(false)
            .Columns(new SpinnerColumn { CompletedText = " " }, new StepLine(this), new BarWhereKnown())
            .StartAsync(async drawing =>
            {
                _started.SetResult(drawing);
                await _done.Task;
            });
    }

    /// <inheritdoc/>
    public override void Show(OperationEvent e)
    {
        var step = e.Result?.Step is { Length: > 0 } named ? named : e.Step;
        if (step.Length == 0 || e.Outcome is not null || _done.Task.IsCompleted || (e.Result is { } ended && IsToldLater(ended)))
            return;
        lock (_lock)
        {
            if (!_tasks.TryGetValue(step, out var task))
            {
                _tasks[step] = task = _started.Task.GetAwaiter().GetResult().AddTask(Printable.Line(step, 60));
                task.IsIndeterminate = true;
            }
            if (e.Result is { } result)
                End(task, result);
            else
                Advance(task, step, e);
        }
    }

    /// <inheritdoc/>
    public override async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            foreach (var task in _tasks.Values.Where(t => !t.IsFinished))
                task.StopTask();
        }
        _done.TrySetResult();
        await _drawing;
    }

    private void Advance(ProgressTask task, string step, OperationEvent e)
    {
        if (task.IsFinished)
        {
            // A word about a step that is done, as where a service was placed.
            if (e.Message.Length > 0)
                Describe(task, Ended, Printable.Line($"{step}: {e.Message}", 200));
            return;
        }
        var amount = "";
        if (e.Total > 0)
        {
            task.IsIndeterminate = false;
            task.MaxValue = e.Total;
            task.Value = e.Done;
        }
        if (e.Unit == "bytes")
        {
            if (!_rates.TryGetValue(step, out var rate))
                _rates[step] = rate = new TransferRate();
            amount = "  " + rate.Describe(e.Done, e.Total, _context.Clock.GetUtcNow());
        }
        Describe(task, default, Printable.Line($"{step}{(e.Message.Length > 0 ? $": {e.Message}" : "")}{amount}", 120));
    }

    private void Describe(ProgressTask task, Mark mark, string text)
    {
        _marks[task.Id] = mark;
        task.Description = text;
    }

    /// <summary>How a step ended.</summary>
    private readonly record struct Mark(string Sign, Color Colour);

    /// <summary>
    /// What is said of a step. Spectre's own column takes its text for markup, with words between colons for emoji: a column of plain text needs no
    /// escaping, and their table is not in the file (packaging/unused.xml).
    /// </summary>
    private sealed class StepLine(TerminalProgress progress) : ProgressColumn
    {
        /// <inheritdoc/>
        protected override bool NoWrap => true;

        /// <inheritdoc/>
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime)
        {
            var line = new Paragraph { Justification = Justify.Left, Overflow = Overflow.Ellipsis };
            if (progress._marks.TryGetValue(task.Id, out var mark) && mark.Sign is { } sign)
                line.Append($"{sign} ", new Style(mark.Colour));
            return line.Append(task.Description);
        }
    }

    /// <summary>A bar only while something with a known end is under way; behind every other line it would say nothing.</summary>
    private sealed class BarWhereKnown : ProgressColumn
    {
        private readonly ProgressBarColumn _bar = new() { Width = 20 };

        /// <inheritdoc/>
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            task.IsFinished || task.IsIndeterminate ? new Spectre.Console.Text("") : _bar.Render(options, task, deltaTime);
    }

    private void End(ProgressTask task, StepResult result)
    {
        var mark = result.Skipped ? new Mark("–", Color.Yellow) : !result.Success ? new Mark("✗", Color.Red) : result.Error.Length > 0 ? new Mark("!", Color.Yellow) : Ended;
        task.IsIndeterminate = false;
        Describe(task, mark, Printable.Line(Ending(result), 200));
        task.Value = task.MaxValue;
        task.StopTask();
    }
}
