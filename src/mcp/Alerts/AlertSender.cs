using System.Threading.Channels;
using Mcp.Errors;
using Mcp.Processes;
using Mcp.Text;
using Polly;
using Polly.Retry;

namespace Mcp.Alerts;

/// <summary>
/// Runs the alert command for every document whose turn it is, one after another, so that the end of something never overtakes its beginning.
/// argv, never a shell. A command that hangs is killed with its process group; one that fails is run again after growing pauses, and what cannot
/// be told is said in the log and to <paramref name="failed"/>. Nobody waits for it but this loop.
/// </summary>
/// <param name="book">What is to be told.</param>
/// <param name="settings">How.</param>
/// <param name="failed">Told what could not be told, and why; for the events.</param>
/// <param name="clock">For limits and pauses.</param>
/// <param name="log">For failures.</param>
internal sealed partial class AlertSender(AlertBook book, AlertSettings settings, Action<AlertSubject, string> failed, TimeProvider clock, ILogger<AlertSender> log)
{
    private static readonly TimeSpan AfterFullDisk = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan LongestWait = TimeSpan.FromHours(1);

    private readonly Channel<bool> _changed = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Runs until the role ends.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        book.Changed = () => _changed.Writer.TryWrite(true);
        var sending = Pipeline();
        while (!ct.IsCancellationRequested)
        {
            try
            {
                var (due, wait) = book.Next();
                if (due is not null)
                    await SendAsync(sending, due, ct);
                else
                    await WaitAsync(wait, ct);
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (McpException e)
            {
                // The database cannot be written; the alert itself went out or not, and is known in memory.
                LogNotKept(e.Message, e.Cause ?? "");
                await Task.Delay(AfterFullDisk, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task SendAsync(ResiliencePipeline<string?> sending, DueAlert due, CancellationToken ct)
    {
        var problem = await sending.ExecuteAsync(async token => await RunCommandAsync(due.Document, token), ct);
        var subject = due.Row.Notice.Subject;
        if (problem is null)
        {
            LogSent(subject.Kind, subject.Place, due.State);
            book.Sent(due);
            return;
        }
        LogFailed(subject.Kind, subject.Place, due.State, settings.Attempts, problem);
        book.Failed(due);
        failed(subject, $"the alert \"{subject.Kind}\" ({due.State}) could not be sent in {settings.Attempts} attempts: {problem}");
    }

    /// <returns>Why the command did not take the document; null: it did.</returns>
    private async Task<string?> RunCommandAsync(AlertDocument document, CancellationToken ct)
    {
        if (ProgramPath.Find(settings.Command[0]) is not { } program)
            return $"{Printable.Line(settings.Command[0], 200)} is not there or not executable";
        try
        {
            var outcome = await ChildRun.RunAsync(program, [.. settings.Command.Skip(1)], ChildEnvironment.Inherited(), document.ToBytes(), settings.Timeout, clock, ct);
            if (outcome is { TimedOut: false, ExitCode: 0 })
                return null;
            var words = Printable.Line(outcome.Output.Trim().Replace('\n', ' '), 500);
            var how = outcome.TimedOut ? $"it was killed after {settings.Timeout.TotalSeconds:0} s" : $"exit code {outcome.ExitCode}";
            return words.Length > 0 ? $"{how}: {words}" : how;
        }
        catch (McpException e)
        {
            return e.Cause is null ? e.Message : $"{e.Message}: {e.Cause}";
        }
    }

    private ResiliencePipeline<string?> Pipeline() => settings.Attempts < 2
        ? ResiliencePipeline<string?>.Empty
        : new ResiliencePipelineBuilder<string?> { TimeProvider = clock }.AddRetry(new RetryStrategyOptions<string?>
        {
            ShouldHandle = new PredicateBuilder<string?>().HandleResult(problem => problem is not null),
            MaxRetryAttempts = settings.Attempts - 1,
            BackoffType = DelayBackoffType.Exponential,
            UseJitter = true,
            Delay = TimeSpan.FromSeconds(2),
        }).Build();

    private async Task WaitAsync(TimeSpan? wait, CancellationToken ct)
    {
        using var limit = new CancellationTokenSource(wait is { } span && span < LongestWait ? span : LongestWait, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, ct);
        try
        {
            await _changed.Reader.ReadAsync(either.Token);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // Its turn has come.
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Alert sent: {Kind} {Place} {State}")]
    private partial void LogSent(string kind, string place, string state);

    [LoggerMessage(Level = LogLevel.Error, Message = "The alert {Kind} {Place} {State} could not be sent in {Attempts} attempts: {Problem}")]
    private partial void LogFailed(string kind, string place, string state, int attempts, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "What was alerted could not be written down: {Problem} {Cause}")]
    private partial void LogNotKept(string problem, string cause);
}
