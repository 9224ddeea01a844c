using System.Runtime.InteropServices;
using Mcp.Errors;
using Microsoft.Win32.SafeHandles;

namespace Mcp.Processes;

/// <summary>pipe2(2), both ends closed on exec: a child gets one only where it is handed over.</summary>
internal static partial class Pipe
{
    // fcntl.h
    private const int CloseOnExec = 0x80000;
    private const int SetSize = 1031;

    /// <summary>A pipe.</summary>
    /// <param name="room">Bytes that it holds before a writer waits; 0: the system's choice. A wish: the system may give less.</param>
    /// <exception cref="McpException">No descriptors are left.</exception>
    public static (SafeFileHandle Source, SafeFileHandle Sink) Create(int room = 0)
    {
        var ends = new Ends();
        if (CreatePipe(ref ends, CloseOnExec) != 0)
            throw new McpException(FaultCode.ResourceExhausted, "pipe2 failed") { Cause = Marshal.GetLastPInvokeErrorMessage() };
        if (room > 0)
            _ = Control(ends.Sink, SetSize, room);
        return (new SafeFileHandle(ends.Source, ownsHandle: true), new SafeFileHandle(ends.Sink, ownsHandle: true));
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Ends
    {
        public int Source;
        public int Sink;
    }

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int CreatePipe(ref Ends ends, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    private static partial int Control(int descriptor, int command, nint argument);
}
