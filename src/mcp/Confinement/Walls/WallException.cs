using System.Runtime.InteropServices;

namespace Mcp.Confinement.Walls;

/// <summary>A wall that the kernel has and would not raise: the child ends before it touched anything.</summary>
internal sealed class WallException(string message) : Exception(message)
{
    /// <summary>The fault of the last call of this thread.</summary>
    public static WallException Last(string call) => new($"{call}: {Marshal.GetLastPInvokeErrorMessage()}");
}
