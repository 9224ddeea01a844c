using Mcp.Errors;
using Mcp.Processes;
using Mcp.Text;

namespace Mcp.Podman;

/// <summary>
/// A <c>podman system service</c> of our own, for <c>mcp dev</c> and hosts without systemd. It runs in a session of its own and is started again,
/// with growing pauses, when it dies. Containers outlive it, since conmon watches them, not the service.
///
/// A predecessor of ours that was killed leaves its service behind. One that answers is taken over; one that accepts and never answers is killed;
/// a socket on which nobody listens is removed.
/// </summary>
internal sealed partial class PodmanService : IAsyncDisposable
{
    private readonly PodmanServiceOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _logger;
    private readonly string _program;
    private readonly string _outputFile;
    private readonly PodmanClient _probe;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Task _supervision = Task.CompletedTask;

    private PodmanService(PodmanServiceOptions options, string program, TimeProvider clock, ILogger logger)
    {
        (_options, _program, _clock, _logger) = (options, program, clock, logger);
        _outputFile = options.SocketPath + ".log";
        _probe = new PodmanClient(options.SocketPath, new PodmanLimits { Connect = TimeSpan.FromSeconds(3) }, clock);
    }

    /// <summary>The process id of the service; 0 between two lives.</summary>
    public int Pid { get; private set; }

    /// <summary>Starts it, or takes over the one that answers already, and returns when it answers.</summary>
    /// <exception cref="McpException">There is no podman, or it does not answer in time; its own words are in the cause.</exception>
    public static async Task<PodmanService> StartAsync(PodmanServiceOptions options, TimeProvider clock, ILogger logger, CancellationToken ct)
    {
        var folder = Path.GetDirectoryName(Path.GetFullPath(options.SocketPath))!;
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        var service = new PodmanService(options, ServiceCommand.FindProgram(options.Program), clock, logger);
        service._supervision = service.SuperviseAsync();
        try
        {
            await service._ready.Task.WaitAsync(ct);
            return service;
        }
        catch
        {
            await service.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops the service and its restarts; containers run on.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _supervision;
        _probe.Dispose();
        _stop.Dispose();
    }

    private async Task SuperviseAsync()
    {
        var pause = _options.FirstPause;
        while (!_stop.IsCancellationRequested)
        {
            var started = _clock.GetTimestamp();
            try
            {
                await LiveAsync();
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                break;
            }
            catch (McpException e) when (_ready.TrySetException(e))
            {
                // The first start failed: whoever waits for it is told, and decides.
                break;
            }
            catch (Exception e) when (e is McpException or PodmanException or IOException or UnauthorizedAccessException)
            {
                LogFailed(_options.SocketPath, Printable.Line(e.Message), pause.TotalSeconds);
            }
            if (_clock.GetElapsedTime(started) >= _options.CountsAsHealthy)
                pause = _options.FirstPause;
            try
            {
                await Task.Delay(pause, _clock, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                break;
            }
            pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, _options.LongestPause.Ticks));
        }
        _ready.TrySetCanceled();
    }

    /// <summary>One life of the service, from start to end.</summary>
    private async Task LiveAsync()
    {
        if (await TakeOverAsync() is { } earlier)
        {
            // Not bound to our own stop: it ends with the process, which is ended on the way out.
            await RunAsync(earlier, SocketOwner.WaitForExitAsync(earlier, _clock, CancellationToken.None));
            return;
        }
        var child = ChildProcess.Start(
            _program, [.. _options.GlobalArguments, "system", "service", "--time=0", $"unix://{_options.SocketPath}"], ServiceCommand.Environment(_options.Environment), _outputFile);
        await RunAsync(child.Pid, child.Exited);
    }

    private async Task RunAsync(int pid, Task exited)
    {
        Pid = pid;
        try
        {
            await AnswersAsync(exited);
            LogAnswers(_options.SocketPath, pid);
            _ready.TrySetResult();
            while (!exited.IsCompleted)
            {
                await Task.WhenAny(exited, Task.Delay(TimeSpan.FromMinutes(1), _clock, _stop.Token));
                _stop.Token.ThrowIfCancellationRequested();
                // Podman warns at every start of a container on some hosts; its words of long ago are worth no disk.
                ServiceCommand.Bound(_outputFile);
            }
            throw Failed("ended", pid);
        }
        finally
        {
            Pid = 0;
            // Ended by us, by itself, or it never answered: in each case it must be gone before the next is started.
            await EndAsync(pid, exited);
        }
    }

    private async Task AnswersAsync(Task exited)
    {
        var began = _clock.GetTimestamp();
        while (true)
        {
            try
            {
                await _probe.PingAsync(_stop.Token);
                return;
            }
            catch (PodmanException e) when (_clock.GetElapsedTime(began) < _options.ReadyWithin && !exited.IsCompleted)
            {
                LogWaiting(_options.SocketPath, e.Message);
            }
            catch (PodmanException)
            {
                throw Failed(exited.IsCompleted ? "ended at once" : $"does not answer within {_options.ReadyWithin.TotalSeconds:0} s", Pid);
            }
            await Task.WhenAny(exited, Task.Delay(TimeSpan.FromMilliseconds(50), _clock, _stop.Token));
            _stop.Token.ThrowIfCancellationRequested();
        }
    }

    /// <summary>SIGTERM, five seconds, SIGKILL; nothing when it has ended already.</summary>
    private async Task EndAsync(int pid, Task exited)
    {
        if (exited.IsCompleted)
            return;
        Signals.Terminate(pid);
        await Task.WhenAny(exited, Task.Delay(TimeSpan.FromSeconds(5), _clock));
        if (exited.IsCompleted)
            return;
        Signals.Kill(pid);
        await Task.WhenAny(exited, Task.Delay(TimeSpan.FromSeconds(5), _clock));
    }

    /// <summary>The process id of a service that answers on our socket; null when there is none (any more) and the path is free.</summary>
    private async Task<int?> TakeOverAsync()
    {
        if (!File.Exists(_options.SocketPath))
            return null;
        if (SocketOwner.Find(_options.SocketPath) is { } owner)
        {
            if (!SocketOwner.IsService(owner, _options.SocketPath))
            {
                throw new McpException(FaultCode.FailedPrecondition, $"{_options.SocketPath} belongs to process {owner}, which is no podman system service")
                {
                    Hint = $"ps -p {owner} -o args; end it, or choose another directory",
                };
            }
            try
            {
                await _probe.PingAsync(_stop.Token);
                LogTakenOver(_options.SocketPath, owner);
                return owner;
            }
            catch (PodmanException e)
            {
                LogHung(_options.SocketPath, owner, e.Message);
                await EndAsync(owner, SocketOwner.WaitForExitAsync(owner, _clock, CancellationToken.None));
            }
        }
        var stale = new FileInfo(_options.SocketPath);
        // A socket has no length; a file with content at this place is not ours to delete.
        if (stale.Exists && (stale.Length > 0 || stale.LinkTarget is not null))
            throw new McpException(FaultCode.FailedPrecondition, $"{_options.SocketPath} is no socket") { Hint = "remove it by hand, or choose another directory" };
        stale.Delete();
        return null;
    }

    private McpException Failed(string how, int pid) => new(FaultCode.Unavailable, $"podman system service (process {pid}) {how}")
    {
        Cause = ServiceCommand.LastWords(_outputFile),
        Hint = $"{_options.Program} {string.Join(' ', _options.GlobalArguments)} info (what does podman itself say?); its output is in {_outputFile}",
    };
}
