using System.Runtime.InteropServices;
using System.Text;
using Mcp.Errors;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Processes;

/// <summary>How a child ended.</summary>
/// <param name="ExitCode">Its exit code, or 128 plus the signal that ended it.</param>
/// <param name="TimedOut">It took too long, and was killed with everything in its process group.</param>
/// <param name="Output">The first bytes of stdout and stderr together, not printable before <c>Printable</c>; the rest was read and dropped.</param>
internal sealed record ChildOutcome(int ExitCode, bool TimedOut, string Output);

/// <summary>
/// A child that gets a text on stdin and is awaited, for a limited time. Whatever it does with its three descriptors, it cannot hold us up:
/// 1 stdin is a file in memory, so it may read it, close it or leave it alone, and nobody waits for a pipe to take it;
/// 2 its output is read to the end, of which only the beginning is kept, by a thread that polls and ends soon after the child, also when a
///   grandchild holds the pipe open;
/// 3 after the limit the whole process group is killed, which for a script means what it started, too.
/// </summary>
internal static partial class ChildRun
{
    /// <summary>Characters of output that are kept.</summary>
    public const int OutputKept = 4096;

    // poll.h, memfd_create(2), fcntl.h
    private const short Readable = 0x1;
    private const uint MemoryCloseOnExec = 0x1;

    // What a grandchild still writes after its parent's end is no answer any more.
    private const int BytesAfterEnd = 256 * 1024;

    /// <summary>Runs <paramref name="program"/> (a path) and waits for its end, for <paramref name="limit"/>, or until <paramref name="ct"/>, which kills it, too.</summary>
    /// <exception cref="McpException">It could not be started.</exception>
    /// <exception cref="OperationCanceledException">The caller gave up; the child is dead.</exception>
    public static async Task<ChildOutcome> RunAsync(
        string program, IReadOnlyList<string> arguments, IEnumerable<KeyValuePair<string, string>> environment, ReadOnlyMemory<byte> input, TimeSpan limit, TimeProvider clock, CancellationToken ct)
    {
        using var stdin = InMemory(input.Span);
        var (source, sink) = Pipe.Create();
        using var output = source;
        ChildProcess child;
        // Our copy of the child's end is closed at once, or the output would never end.
        using (sink)
            child = ChildProcess.Start(program, arguments, environment, stdin, sink);
        var reading = Task.Factory.StartNew(() => Read(output, child.Exited), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var timedOut = false;
        try
        {
            await child.Exited.WaitAsync(limit, clock, ct);
        }
        catch (TimeoutException)
        {
            timedOut = true;
        }
        finally
        {
            if (!child.Exited.IsCompleted)
            {
                Signals.KillGroup(child.Pid);
                await child.Exited;
            }
            await reading;
        }
        return new ChildOutcome(await child.Exited, timedOut, await reading);
    }

    private static string Read(SafeFileHandle pipe, Task exited)
    {
        Span<byte> buffer = stackalloc byte[8192];
        var kept = new byte[OutputKept];
        int length = 0, afterEnd = 0;
        while (true)
        {
            var ended = exited.IsCompleted;
            var poll = new PollDescriptor { Descriptor = (int)pipe.DangerousGetHandle(), Events = Readable };
            var ready = Poll(ref poll, 1, ended ? 0 : 100);
            if (ready > 0)
            {
                var read = ReadSome(poll.Descriptor, ref MemoryMarshal.GetReference(buffer), (nuint)buffer.Length);
                if (read <= 0)
                    break;
                var taken = Math.Min((int)read, kept.Length - length);
                buffer[..taken].CopyTo(kept.AsSpan(length));
                length += taken;
                if (ended && (afterEnd += (int)read) > BytesAfterEnd)
                    break;
            }
            else if (ended)
            {
                break;
            }
        }
        return Encoding.UTF8.GetString(kept, 0, length);
    }

    private static SafeFileHandle InMemory(ReadOnlySpan<byte> input)
    {
        var file = new SafeFileHandle(CreateMemoryFile("stdin", MemoryCloseOnExec), ownsHandle: true);
        if (file.IsInvalid)
            throw new McpException(FaultCode.Internal, "memfd_create failed") { Cause = Marshal.GetLastPInvokeErrorMessage() };
        // At an offset, so that the child begins to read at the beginning.
        RandomAccess.Write(file, input, 0);
        return file;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short Happened;
    }

    [LibraryImport("libc", EntryPoint = "poll")]
    private static partial int Poll(ref PollDescriptor descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "read")]
    private static partial nint ReadSome(int descriptor, ref byte buffer, nuint count);

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial nint CreateMemoryFile(string name, uint flags);
}
