using System.Text;
using Google.Protobuf;
using Mcp.Confined.V1;
using Mcp.Confinement.Walls;
using Mcp.Errors;
using Mcp.Processes;
using Mcp.Text;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Confinement;

/// <summary>
/// A child of this program behind walls (<see cref="FirstStage"/>), at work on files that somebody hostile may have written. It gets its job and perhaps data on stdin, and
/// answers with frames on stdout: data and progress, then a result or a fault. The pipes hold little, so a slow taker slows the child, and memory stays flat on both sides.
/// Disposing kills it; so does a cancellation that a method sees.
/// </summary>
internal sealed class ConfinedChild : IAsyncDisposable
{
    private const int PipeRoom = 1024 * 1024;
    private const int ErrorsKept = 4096;

    private readonly ChildProcess _process;
    private readonly FileStream _input;
    private readonly FileStream _output;
    private readonly Frames _toChild;
    private readonly Frames _fromChild;
    private readonly Task<string> _errors;
    private readonly string _what;
    private ConfinedResult? _result;

    private ConfinedChild(ChildProcess process, SafeFileHandle input, SafeFileHandle output, SafeFileHandle errors, string what)
    {
        (_process, _what) = (process, what);
        _input = new FileStream(input, FileAccess.Write, bufferSize: 0);
        _output = new FileStream(output, FileAccess.Read, bufferSize: 0);
        (_toChild, _fromChild) = (new Frames(_input), new Frames(_output));
        // A thread of its own, so that a child that talks on stderr never waits for us.
        _errors = Task.Factory.StartNew(() => ReadErrors(errors), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>What the child answered at its end; null before <see cref="NextAsync"/> has returned null.</summary>
    public ConfinedResult? Result => _result;

    /// <summary>Starts a child and hands it its job.</summary>
    /// <param name="program">Which program, and what starts it.</param>
    /// <param name="folders">All that it can reach.</param>
    /// <param name="job">What it does.</param>
    /// <param name="what">The job in words that follow "the confined process that": "archives notes".</param>
    /// <param name="cancellation">Kills it.</param>
    /// <exception cref="McpException">It could not be started.</exception>
    public static async Task<ConfinedChild> StartAsync(ConfinedProgram program, ConfinedFolders folders, ConfinedJob job, string what, CancellationToken cancellation)
    {
        var (childInput, input) = Pipe.Create(PipeRoom);
        var (output, childOutput) = Pipe.Create(PipeRoom);
        var (errors, childErrors) = Pipe.Create();
        ChildProcess process;
        // Our copies of the child's ends are closed at once, or its output would never end.
        using (childInput)
        using (childOutput)
        using (childErrors)
        {
            IReadOnlyList<string> words = [.. program.Before, program.Path, .. WallPlan.ToArguments(folders)];
            process = ChildProcess.Start(words[0], [.. words.Skip(1)], ChildEnvironment.Inherited(), childInput, childOutput, childErrors);
        }
        var child = new ConfinedChild(process, input, output, errors, what);
        try
        {
            await child.SendAsync(job, cancellation);
            return child;
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs a job that sends no data and takes none.</summary>
    /// <exception cref="McpException">The child's fault, or it died.</exception>
    public static async Task<ConfinedResult> RunAsync(ConfinedProgram program, ConfinedFolders folders, ConfinedJob job, string what, CancellationToken cancellation)
    {
        await using var child = await StartAsync(program, folders, job, what, cancellation);
        while (await child.NextAsync(cancellation) is not null)
        {
        }
        return child.Result!;
    }

    /// <summary>Sends data to the child; waits as long as it does not read.</summary>
    /// <exception cref="McpException">The child refused what it got before, or died.</exception>
    public Task SendAsync(ByteString data, CancellationToken cancellation) => SendAsync(new ConfinedInput { Data = data }, cancellation);

    /// <summary>Tells the child that the data is complete. Without this it takes the end of its input for a cut.</summary>
    /// <exception cref="McpException">The child refused what it got before, or died.</exception>
    public Task EndAsync(CancellationToken cancellation) => SendAsync(new ConfinedInput { End = true }, cancellation);

    /// <summary>As <see cref="EndAsync(CancellationToken)"/>, of an archive: what it must have been.</summary>
    /// <exception cref="McpException">The child refused what it got before, or died.</exception>
    public Task EndAsync(V1.StreamTrailer trailer, CancellationToken cancellation) => SendAsync(new ConfinedInput { Trailer = trailer }, cancellation);

    /// <summary>
    /// The next data or progress of the child, which is good until the next call; null when it has succeeded, and <see cref="Result"/> is there.
    /// </summary>
    /// <exception cref="McpException">The child's fault, or it died.</exception>
    public async Task<ConfinedOutput?> NextAsync(CancellationToken cancellation)
    {
        await using var killing = cancellation.Register(Kill);
        ConfinedOutput? frame;
        try
        {
            // A read of a pipe cannot be cancelled; a killed child ends it.
            frame = await _fromChild.ReadOutputAsync(CancellationToken.None);
        }
        catch (InvalidDataException e)
        {
            cancellation.ThrowIfCancellationRequested();
            throw await DiedAsync(e);
        }
        cancellation.ThrowIfCancellationRequested();
        switch (frame?.PartCase)
        {
            case ConfinedOutput.PartOneofCase.Data or ConfinedOutput.PartOneofCase.Progress:
                return frame;
            case ConfinedOutput.PartOneofCase.Result:
                _result = frame.Result;
                return null;
            case ConfinedOutput.PartOneofCase.Fault:
                throw frame.Fault.ToFault();
            default:
                throw await DiedAsync(null);
        }
    }

    /// <summary>Kills the child if it still runs, with what started it, and returns when it is gone.</summary>
    public async ValueTask DisposeAsync()
    {
        Kill();
        // It cannot outlive SIGKILL, but a file system that hangs can hold it; nobody waits for that.
        await Task.WhenAny(_process.Exited, Task.Delay(TimeSpan.FromSeconds(5)));
        await _input.DisposeAsync();
        await _output.DisposeAsync();
    }

    private async Task SendAsync(IMessage frame, CancellationToken cancellation)
    {
        await using var killing = cancellation.Register(Kill);
        try
        {
            await _toChild.WriteAsync(frame, CancellationToken.None);
        }
        catch (IOException e)
        {
            cancellation.ThrowIfCancellationRequested();
            // It has ended or is about to: its fault is among the frames that it sent before.
            while (await NextAsync(cancellation) is not null)
            {
            }
            throw await DiedAsync(e);
        }
        cancellation.ThrowIfCancellationRequested();
    }

    private void Kill()
    {
        if (!_process.Exited.IsCompleted)
            Signals.KillGroup(_process.Pid);
    }

    private async Task<McpException> DiedAsync(Exception? inner)
    {
        Kill();
        var code = await _process.Exited;
        var said = Printable.Block((await _errors).Trim());
        return new McpException(FaultCode.Internal, $"the confined process that {_what} ended without an answer", inner)
        {
            Cause = Ending(code) + (said.Length > 0 ? $": {said}" : ""),
            State = "nothing was changed by it outside of its own folder",
        };
    }

    // signal(7); the runtime itself ends with 134 (SIGABRT) where memory is refused to it.
    private static string Ending(int code) => code switch
    {
        FirstStage.NotConfined => "this machine refused a wall",
        134 => "it aborted (134): its memory limit, or a fault of its own",
        137 => "it was killed (137): cancelled, or by the kernel for want of memory",
        135 or 139 => $"it crashed ({code}), as on a file that is cut while it is read",
        152 => "it used up its processor time (152)",
        153 => "it wrote a larger file than it may (153)",
        159 => "it made a system call that is not its own (159)",
        _ => $"exit code {code}",
    };

    private static string ReadErrors(SafeFileHandle pipe)
    {
        using var stream = new FileStream(pipe, FileAccess.Read, bufferSize: 0);
        var kept = new byte[ErrorsKept];
        var rest = new byte[ErrorsKept];
        int length = 0, read;
        while ((read = length < kept.Length ? stream.Read(kept, length, kept.Length - length) : stream.Read(rest)) > 0)
            length = Math.Min(kept.Length, length + read);
        return Encoding.UTF8.GetString(kept, 0, length);
    }
}
