using System.Runtime.InteropServices;
using Mcp.Errors;

namespace Mcp.Processes;

/// <summary>
/// A child in a session of its own, which .NET's Process cannot make: the Ctrl-C of the terminal does not reach it, nor does a kill of our process
/// group. It inherits no descriptor of ours but those it is given. See <see cref="ChildRun"/> for one that is awaited, with a limit.
/// </summary>
internal sealed partial class ChildProcess
{
    // spawn.h (glibc): flags for posix_spawnattr_setflags. Sizes: posix_spawnattr_t 336, posix_spawn_file_actions_t 80 and sigset_t 128 bytes on 64 bits.
    private const short SetSignalDefaults = 0x04;
    private const short SetSignalMask = 0x08;
    private const short SetSession = 0x80;
    private const int Room = 512;
    // open(2): O_RDONLY; O_WRONLY | O_CREAT | O_TRUNC | O_APPEND. Appending lets the file be emptied while the child writes.
    private const int ReadOnly = 0;
    private const int WriteNew = 0x1 | 0x40 | 0x200 | 0x400;

    private ChildProcess(int pid)
    {
        Pid = pid;
        Exited = Task.Factory.StartNew(Reap, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Its process id, which is also that of its group and session.</summary>
    public int Pid { get; }

    /// <summary>Ends with the child: its exit code, or 128 plus the signal; -1 when somebody else reaped it.</summary>
    public Task<int> Exited { get; }

    /// <summary>
    /// Starts <paramref name="program"/> (a path) with nothing on stdin, and stdout and stderr in <paramref name="outputFile"/>, which is emptied.
    /// A file, not a pipe: a child that outlives us must not die of SIGPIPE.
    /// </summary>
    /// <exception cref="McpException">It could not be started.</exception>
    public static unsafe ChildProcess Start(string program, IReadOnlyList<string> arguments, IEnumerable<KeyValuePair<string, string>> environment, string outputFile)
    {
        var output = Marshal.StringToCoTaskMemUTF8(outputFile);
        var nothing = Marshal.StringToCoTaskMemUTF8("/dev/null");
        try
        {
            return Start(program, arguments, environment, files =>
            {
                Check("posix_spawn_file_actions_addopen", FilesAddOpen((byte*)files, 0, nothing, ReadOnly, 0));
                Check("posix_spawn_file_actions_addopen", FilesAddOpen((byte*)files, 1, output, WriteNew, 0x180));
                Check("posix_spawn_file_actions_adddup2", FilesAddDuplicate((byte*)files, 1, 2));
            });
        }
        finally
        {
            Marshal.FreeCoTaskMem(output);
            Marshal.FreeCoTaskMem(nothing);
        }
    }

    /// <summary>Starts <paramref name="program"/> (a path) with open descriptors of ours as its stdin and as its stdout and stderr.</summary>
    /// <exception cref="McpException">It could not be started.</exception>
    public static ChildProcess Start(string program, IReadOnlyList<string> arguments, IEnumerable<KeyValuePair<string, string>> environment, SafeHandle input, SafeHandle output) =>
        Start(program, arguments, environment, input, output, output);

    /// <summary>As above, with a descriptor of its own for stderr.</summary>
    /// <exception cref="McpException">It could not be started.</exception>
    public static unsafe ChildProcess Start(
        string program, IReadOnlyList<string> arguments, IEnumerable<KeyValuePair<string, string>> environment, SafeHandle input, SafeHandle output, SafeHandle errors) =>
        Start(program, arguments, environment, files =>
        {
            Check("posix_spawn_file_actions_adddup2", FilesAddDuplicate((byte*)files, (int)input.DangerousGetHandle(), 0));
            Check("posix_spawn_file_actions_adddup2", FilesAddDuplicate((byte*)files, (int)output.DangerousGetHandle(), 1));
            Check("posix_spawn_file_actions_adddup2", FilesAddDuplicate((byte*)files, (int)errors.DangerousGetHandle(), 2));
        });

    private static unsafe ChildProcess Start(string program, IReadOnlyList<string> arguments, IEnumerable<KeyValuePair<string, string>> environment, Action<nint> connect)
    {
        var attributes = stackalloc byte[Room];
        var files = stackalloc byte[Room];
        var signals = stackalloc byte[Room];
        new Span<byte>(attributes, Room).Clear();
        new Span<byte>(files, Room).Clear();
        new Span<byte>(signals, Room).Clear();
        var argv = NativeStrings([program, .. arguments]);
        var envp = NativeStrings(environment.Select(pair => $"{pair.Key}={pair.Value}"));
        try
        {
            Check("posix_spawnattr_init", AttributesInit(attributes));
            // .NET ignores SIGPIPE and blocks none; the child gets the defaults for all.
            Check("sigemptyset", SignalsEmpty(signals));
            Check("posix_spawnattr_setsigmask", AttributesSetMask(attributes, signals));
            Check("sigfillset", SignalsFill(signals));
            Check("posix_spawnattr_setsigdefault", AttributesSetDefaults(attributes, signals));
            Check("posix_spawnattr_setflags", AttributesSetFlags(attributes, SetSignalDefaults | SetSignalMask | SetSession));
            Check("posix_spawn_file_actions_init", FilesInit(files));
            connect((nint)files);
            // Everything .NET and SQLite open is close-on-exec; this is for what somebody else left open in us, as systemd's sockets.
            Check("posix_spawn_file_actions_addclosefrom_np", FilesAddCloseFrom(files, 3));
            fixed (nint* argvPointer = argv, envpPointer = envp)
            {
                var error = Spawn(out var pid, argv[0], files, attributes, argvPointer, envpPointer);
                return error == 0
                    ? new ChildProcess(pid)
                    : throw new McpException(FaultCode.FailedPrecondition, $"{program} could not be started") { Cause = Marshal.GetPInvokeErrorMessage(error) };
            }
        }
        finally
        {
            _ = FilesDestroy(files);
            _ = AttributesDestroy(attributes);
            foreach (var text in (nint[])[.. argv, .. envp])
                Marshal.FreeCoTaskMem(text);
        }
    }

    private static nint[] NativeStrings(IEnumerable<string> texts) => [.. texts.Select(Marshal.StringToCoTaskMemUTF8), 0];

    private static void Check(string call, int result)
    {
        if (result != 0)
            throw new McpException(FaultCode.Internal, $"{call} failed with {result}");
    }

    /// <summary>A thread of its own, asleep in waitpid(2): .NET reaps only children that it started itself.</summary>
    private int Reap()
    {
        const int interrupted = 4;
        int result, status;
        do
        {
            result = Wait(Pid, out status, 0);
        }
        while (result < 0 && Marshal.GetLastPInvokeError() == interrupted);
        if (result != Pid)
            return -1;
        var signal = status & 0x7f;
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal;
    }

    [LibraryImport("libc", EntryPoint = "posix_spawn")]
    private static unsafe partial int Spawn(out int pid, nint path, byte* files, byte* attributes, nint* argv, nint* envp);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static unsafe partial int AttributesInit(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static unsafe partial int AttributesDestroy(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static unsafe partial int AttributesSetFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static unsafe partial int AttributesSetMask(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static unsafe partial int AttributesSetDefaults(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static unsafe partial int FilesInit(byte* files);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static unsafe partial int FilesDestroy(byte* files);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen")]
    private static unsafe partial int FilesAddOpen(byte* files, int descriptor, nint path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static unsafe partial int FilesAddDuplicate(byte* files, int descriptor, int copy);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addclosefrom_np")]
    private static unsafe partial int FilesAddCloseFrom(byte* files, int first);

    [LibraryImport("libc", EntryPoint = "sigemptyset")]
    private static unsafe partial int SignalsEmpty(byte* signals);

    [LibraryImport("libc", EntryPoint = "sigfillset")]
    private static unsafe partial int SignalsFill(byte* signals);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int Wait(int pid, out int status, int options);
}
