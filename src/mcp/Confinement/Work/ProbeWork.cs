using System.Net.Sockets;
using System.Runtime.InteropServices;
using Mcp.Confined.V1;
using Mcp.Confinement.Walls;

namespace Mcp.Confinement.Work;

/// <summary>Tries the walls from within. Each try answers with the refusal; an empty answer is a hole.</summary>
internal static partial class ProbeWork
{
    /// <summary>Tries everything.</summary>
    public static ProbeResult Do(ProbeJob job, StandingWalls walls)
    {
        var result = new ProbeResult
        {
            OutsideRead = Try(() => File.OpenHandle(job.Outside).Dispose()),
            OutsideWrite = Try(() => WriteBeside(job.Outside)),
            Internet = Try(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp).Dispose()),
            Local = Try(() => new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified).Dispose()),
            // Signal 0 asks for the permission alone.
            Process = SendSignal(ParentOf(), 0) == 0 ? "" : Marshal.GetLastPInvokeErrorMessage(),
            Walls = walls.Describe(),
        };
        result.InsideRead.AddRange(job.Inside.Select(path => Try(() => File.OpenHandle(path).Dispose())));
        return result;
    }

    private static void WriteBeside(string path)
    {
        var made = path + ".probe";
        File.OpenHandle(made, FileMode.CreateNew, FileAccess.Write).Dispose();
        File.Delete(made);
    }

    private static string Try(Action attempt)
    {
        try
        {
            attempt();
            return "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or SocketException)
        {
            return e.Message;
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);

    [LibraryImport("libc", EntryPoint = "getppid")]
    private static partial int ParentOf();
}
