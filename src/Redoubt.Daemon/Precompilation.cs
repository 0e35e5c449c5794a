using System.Reflection;
using System.Runtime.CompilerServices;
using Redoubt.Core;
using Redoubt.Linux;

namespace Redoubt.Daemon;

/// <summary>
/// Has the runtime compile our methods before they are needed. What a failover runs, it runs for the first time; without this it would wait for
/// the compiler tens of milliseconds while nobody answers for the addresses.
/// </summary>
internal static class Precompilation
{
    /// <summary>Compiles on a background thread; nothing waits for it.</summary>
    public static void Begin()
    {
        var thread = new Thread(() =>
        {
            foreach (var assembly in new[] { typeof(Precompilation).Assembly, typeof(BootClock).Assembly, typeof(Instant).Assembly })
                Compile(assembly);
        })
        {
            IsBackground = true,
            Priority = ThreadPriority.BelowNormal,
            Name = "precompilation",
        };
        thread.Start();
    }

    private static void Compile(Assembly assembly)
    {
        const BindingFlags Own =
            BindingFlags.DeclaredOnly | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static;
        foreach (var type in assembly.GetTypes())
        {
            if (type.ContainsGenericParameters || type.IsSubclassOf(typeof(Delegate)))
                continue;
            foreach (var method in type.GetMethods(Own).Cast<MethodBase>().Concat(type.GetConstructors(Own)))
            {
                if (IsOurCode(method))
                    RuntimeHelpers.PrepareMethod(method.MethodHandle);
            }
        }
    }

    // Neither abstract nor the runtime's own nor a system call.
    private static bool IsOurCode(MethodBase method) =>
        !method.IsAbstract
        && !method.ContainsGenericParameters
        && (method.Attributes & MethodAttributes.PinvokeImpl) == 0
        && (method.MethodImplementationFlags & (MethodImplAttributes.CodeTypeMask | MethodImplAttributes.InternalCall))
            == MethodImplAttributes.IL;
}
