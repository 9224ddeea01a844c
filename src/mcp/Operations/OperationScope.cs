using Mcp.Errors;
using Mcp.Names;
using Mcp.Text;
using Mcp.V1;

namespace Mcp.Operations;

/// <summary>One running operation as its body sees it: it names its steps, and everybody who watches sees them.</summary>
internal sealed class OperationScope(OperationId id, string node, OperationFeed feed, TimeProvider clock)
{
    private readonly List<StepResult> _steps = [];
    private readonly Lock _gate = new();
    private (string Step, long At) _lastProgress;

    /// <summary>The operation.</summary>
    public OperationId Id { get; } = id;

    /// <summary>The step that runs now, or the last one; empty before the first.</summary>
    public string CurrentStep { get; private set; } = "";

    /// <summary>The results so far, in order.</summary>
    public IReadOnlyList<StepResult> Steps
    {
        get
        {
            lock (_gate)
                return [.. _steps];
        }
    }

    /// <summary>Runs one named step; its result, also a failure, is published and kept, and a failure carries the step's name on.</summary>
    public async Task<T> StepAsync<T>(string step, Func<Task<T>> body)
    {
        CurrentStep = step;
        Publish(new OperationEvent { Step = step });
        var started = clock.GetTimestamp();
        try
        {
            var result = await body();
            Add(new StepResult { Step = step, Success = true, Millis = MillisSince(started) });
            return result;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Add(new StepResult { Step = step, Error = Printable.Block(e.Message), Millis = MillisSince(started) });
            throw;
        }
    }

    /// <summary>As <see cref="StepAsync{T}"/>, without a result.</summary>
    public Task StepAsync(string step, Func<Task> body) =>
        StepAsync<object?>(step, async () =>
        {
            await body();
            return null;
        });

    /// <summary>Records a step that was not done, and why.</summary>
    public void Skip(string step, string reason) => Add(new StepResult { Step = step, Success = true, Skipped = true, Error = reason });

    /// <summary>Records a step that was done but for something that somebody should know.</summary>
    public void Warn(string step, string what) => Add(new StepResult { Step = step, Success = true, Error = what });

    /// <summary>Adds a step that was done elsewhere, as an agent reported it.</summary>
    public void Add(StepResult result)
    {
        lock (_gate)
            _steps.Add(result);
        Publish(new OperationEvent { Step = result.Step, Result = result });
    }

    /// <summary>A line for whoever watches.</summary>
    public void Say(string message) => Publish(new OperationEvent { Step = CurrentStep, Message = message });

    /// <summary>How far the current step is; at most ten a second are published, the last one of a step (done = total) always.</summary>
    public void Progress(string message, long done, long total, string unit)
    {
        lock (_gate)
        {
            var now = clock.GetTimestamp();
            if (_lastProgress.Step == CurrentStep && done != total && clock.GetElapsedTime(_lastProgress.At, now) < TimeSpan.FromMilliseconds(100))
                return;
            _lastProgress = (CurrentStep, now);
        }
        Publish(new OperationEvent { Step = CurrentStep, Message = message, Done = done, Total = total, Unit = unit });
    }

    /// <summary>Passes on an event of another node's part of this operation.</summary>
    public void Forward(OperationEvent happened)
    {
        var copy = happened.Clone();
        copy.Outcome = null;
        Publish(copy);
    }

    /// <summary>The failure with the place where it happened, when it does not carry one.</summary>
    public McpException Located(McpException fault) => fault.Step is not null && fault.Node is not null
        ? fault
        : new McpException(fault.Code, fault.Message, fault)
        {
            Node = fault.Node ?? (node.Length > 0 ? node : null),
            Step = fault.Step ?? (CurrentStep.Length > 0 ? CurrentStep : null),
            Cause = fault.Cause,
            Hint = fault.Hint,
            State = fault.State,
            Problems = fault.Problems,
        };

    private void Publish(OperationEvent happened)
    {
        happened.Operation = Id.Value;
        if (happened.Node.Length == 0)
            happened.Node = node;
        feed.Publish(happened);
    }

    private long MillisSince(long started) => (long)clock.GetElapsedTime(started).TotalMilliseconds;
}
